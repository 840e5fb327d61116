// The threads of a block as fibers, scheduled in a given order. shim.h has the interface for kernels.

#include "shim.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

// This file is compiled without a sanitizer. If the kernels are instrumented for races, it reports its
// fibers, and which of them have synchronized, to the sanitizer.
#if WATCHED_FOR_RACES
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#else
static void* __tsan_get_current_fiber() { return nullptr; }
static void* __tsan_create_fiber(unsigned) { return nullptr; }
static void __tsan_destroy_fiber(void*) {}
static void __tsan_switch_to_fiber(void*, unsigned) {}
static void __tsan_acquire(void*) {}
static void __tsan_release(void*) {}
#endif
#if WATCHED_FOR_BOUNDS
extern "C" void __asan_unpoison_memory_region(void const volatile*, size_t);
#else
static void __asan_unpoison_memory_region(void const volatile*, size_t) {}
#endif

namespace host {

thread_local const Place* place;

namespace {

const size_t STACK = 64 * 1024;

// ---- Contexts, and the switch from one to another ------------------------------------------------------

#if defined(__x86_64__)

// A context is a stack pointer. The stack holds the callee-saved registers and the return address.
typedef void* Context;

extern "C" void fiber_switch(Context* from, Context to) __attribute__((visibility("hidden")));
asm(R"(
.text
.hidden fiber_switch
.globl fiber_switch
.type fiber_switch,@function
fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size fiber_switch, .-fiber_switch
)");

void begin(Context* context, char* stack, void (*function)()) {
    void** top = (void**)(stack + STACK);
    *--top = nullptr; // the return address of `function`, and the alignment after a call
    *--top = (void*)function;
    *context = top - 6;
}
void change(Context* from, Context* to) { fiber_switch(from, *to); }

#else

typedef ucontext_t Context;

void begin(Context* context, char* stack, void (*function)()) {
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = STACK;
    context->uc_link = nullptr;
    makecontext(context, function, 0);
}
void change(Context* from, Context* to) { swapcontext(from, to); }

#endif

// ---- The memory of a block -------------------------------------------------------------------------------

// If blocks are checked for races with one another, each gets fresh memory, because the reuse of a stack
// would look like a race with the block before. Otherwise the memory is from the heap, where a sanitizer sees
// the bounds of each array.
#if WATCHED_FOR_RACES
char* take(size_t bytes) {
    return (char*)mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}
void give_back(void* memory, size_t bytes) { munmap(memory, bytes); }
#else
char* take(size_t bytes) { return (char*)malloc(bytes); }
void give_back(void* memory, size_t) { free(memory); }
#endif

// ---- Threads, warps, blocks ------------------------------------------------------------------------------

enum class State { Ready, AtBarrier, InExchange, Returned };

struct Warp {
    struct Fiber* members[32] = {};
    unsigned arrived = 0, returned = 0, lanes = 0;
    int site = 0;
    unsigned turn = 0;
    alignas(16) char slots[2][32 * 64];
    char meeting[2]; // synchronization objects of two alternating exchanges
};

struct Fiber {
    Context context;
    Place place;
    State state = State::Ready;
    int line = 0;
    Warp* warp;
    void* watched = nullptr; // the sanitizer's handle
};

// The shared memory of one declaration.
struct Memory {
    char* bytes = nullptr;
    size_t size = 0;
};

// The block that is running, and its launch.
struct Block {
    const Launch* launch;
    void (*kernel)(const void*);
    const void* arguments;
    Fiber* fibers; // in the order in which they run
    unsigned count;
    std::map<const void*, Memory> memory; // by declaration
    size_t current = 0;
    unsigned arrived = 0, returned = 0, turn = 0;
    int line = 0;
    Context launcher;
    void* watched = nullptr;
    std::vector<void*> gone; // the sanitizer's fibers of the previous block
    char begin, end, meeting[2]; // synchronization objects: launch begin and end, two alternating barriers
    char* message;
    size_t capacity;
    bool failed = false;
};

thread_local Block* block;
// The block that runs on this thread of the CPU.
struct Stacks {
    char* bytes = nullptr;
    size_t size = 0;
};
thread_local Stacks stacks;

void go_to(Fiber& next, Context* from) {
    block->current = &next - block->fibers;
    place = &next.place;
    __tsan_switch_to_fiber(next.watched, 1); // 1: the switch does not synchronize the two
    change(from, &next.context);
}

void back_to_launcher(Context* from) {
    __tsan_switch_to_fiber(block->watched, 1);
    change(from, &block->launcher);
}

// Aborts the launch: its fibers never run again.
template <class... Values> void fail(const char* format, Values... values) {
    const Place& at = *place;
    int used = snprintf(block->message, block->capacity, "block %u,%u,%u thread %u: ", at.block.x, at.block.y, at.block.z,
                        at.thread.x);
    snprintf(block->message + used, block->capacity - used, format, values...);
    block->failed = true;
    Context nowhere;
    back_to_launcher(&nowhere);
    abort();
}

// The next fiber that can run after the current one; the current one comes last.
Fiber* next_ready() {
    for (size_t i = 1; i <= block->count; i++) {
        Fiber& fiber = block->fibers[(block->current + i) % block->count];
        if (fiber.state == State::Ready) {
            return &fiber;
        }
    }
    return nullptr;
}

const char* name(State state) { return state == State::AtBarrier ? "a barrier" : "an exchange"; }

void wait_as(State state) {
    Fiber& own = block->fibers[block->current];
    own.state = state;
    Fiber* next = next_ready();
    if (next == nullptr) {
        const Fiber* other = nullptr;
        for (unsigned i = 0; i < block->count; i++) {
            const Fiber& fiber = block->fibers[i];
            if (fiber.state != State::Returned && fiber.state != state) {
                other = &fiber;
            }
        }
        if (other == nullptr) {
            fail("deadlock: every thread waits in %s", name(state));
        }
        fail("deadlock: this waits in %s at %d, thread %u in %s at %d", name(state), own.line, other->place.thread.x,
             name(other->state), other->line);
    }
    go_to(*next, &own.context);
}

void fiber_main() {
    __tsan_acquire(&block->begin);
    block->kernel(block->arguments);
    __tsan_release(&block->end);
    Fiber& own = block->fibers[block->current];
    if (block->arrived > 0) {
        fail("returned while others wait in a barrier at line %d", block->line);
    }
    if (own.warp->arrived > 0) {
        fail("returned while other lanes of its warp wait in an exchange");
    }
    own.state = State::Returned;
    block->returned++;
    own.warp->returned++;
    Context nowhere;
    if (Fiber* next = next_ready()) {
        go_to(*next, &nowhere);
    }
    if (block->returned < block->count) {
        fail("deadlock: this was the last thread that could run");
    }
    back_to_launcher(&nowhere);
    abort();
}

// A permutation of 0..count.
std::vector<unsigned> permutation(unsigned count, unsigned order) {
    std::vector<unsigned> numbers(count);
    for (unsigned i = 0; i < count; i++) {
        numbers[i] = i;
    }
    if (order == 1) {
        std::reverse(numbers.begin(), numbers.end());
    }
    unsigned random = order * 2654435761u | 1u;
    for (unsigned i = count; order > 1 && i > 1; i--) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        std::swap(numbers[i - 1], numbers[random % i]);
    }
    return numbers;
}

void run_block(Block& own, unsigned index) {
    const Launch& launch = *own.launch;
    const unsigned x = launch.blocks[0], y = launch.blocks[1], z = launch.blocks[2];
    const unsigned warps = (launch.threads + 31) / 32;
    const size_t fiber_bytes = sizeof(Fiber) * launch.threads, warp_bytes = sizeof(Warp) * warps;
    own.count = launch.threads;
    own.fibers = (Fiber*)take(fiber_bytes);
    Warp* own_warps = (Warp*)take(warp_bytes);
    for (unsigned i = 0; i < warps; i++) {
        new (&own_warps[i]) Warp();
    }
    if (WATCHED_FOR_RACES || stacks.size < STACK * launch.threads) {
        if (stacks.bytes != nullptr) {
            give_back(stacks.bytes, stacks.size);
        }
        stacks.size = STACK * launch.threads;
        stacks.bytes = take(stacks.size);
    }
    const std::vector<unsigned> threads = permutation(launch.threads, launch.order);
    for (unsigned i = 0; i < launch.threads; i++) {
        Fiber& fiber = *new (&own.fibers[i]) Fiber();
        fiber.place = {{threads[i], 0, 0}, {index % x, index / x % y, index / x / y}, {x, y, z}, {launch.threads, 1, 1}};
        fiber.warp = &own_warps[threads[i] / 32];
        fiber.warp->members[threads[i] % 32] = &fiber;
        fiber.warp->lanes++;
        __asan_unpoison_memory_region(stacks.bytes + STACK * i, STACK); // left by a launch that failed
        begin(&fiber.context, stacks.bytes + STACK * i, fiber_main);
        fiber.watched = __tsan_create_fiber(0);
    }
    block = &own;
    own.current = launch.threads - 1;
    own.watched = __tsan_get_current_fiber();
    go_to(*next_ready(), &own.launcher);
    block = nullptr;
    place = nullptr;
    // The sanitizer reuses the number of a destroyed fiber, and then confuses the two. So the previous
    // block's fibers stay until this block's exist.
    for (void* watched : own.gone) {
        __tsan_destroy_fiber(watched);
    }
    own.gone.clear();
    for (unsigned i = 0; i < own.count; i++) {
        own.gone.push_back(own.fibers[i].watched);
    }
    for (auto& memory : own.memory) {
        give_back(memory.second.bytes, memory.second.size);
    }
    own.memory.clear();
    give_back(own.fibers, fiber_bytes);
    give_back(own_warps, warp_bytes);
    own.arrived = own.returned = 0;
}

} // namespace

void barrier(int line) {
    Fiber& own = block->fibers[block->current];
    own.line = line;
    if (block->returned > 0) {
        fail("a barrier at line %d, and %u threads of the block have returned", line, block->returned);
    }
    if (block->arrived > 0 && block->line != line) {
        fail("a barrier at line %d while others wait in one at line %d", line, block->line);
    }
    block->line = line;
    char* meeting = &block->meeting[block->turn % 2];
    __tsan_release(meeting);
    if (++block->arrived == block->count) {
        block->arrived = 0;
        block->turn++;
        for (unsigned i = 0; i < block->count; i++) {
            block->fibers[i].state = State::Ready;
        }
    } else {
        wait_as(State::AtBarrier);
    }
    __tsan_acquire(meeting);
}

const void* exchange(const void* mine, size_t bytes, int site) {
    Fiber& own = block->fibers[block->current];
    own.line = site;
    Warp& warp = *own.warp;
    if (warp.lanes < 32 || warp.returned > 0) {
        fail("an exchange in a warp of %u lanes, of which %u have returned", warp.lanes, warp.returned);
    }
    if (warp.arrived > 0 && warp.site != site) {
        fail("exchange %d while other lanes are in exchange %d", site, warp.site);
    }
    warp.site = site;
    const unsigned turn = warp.turn % 2;
    char* slots = warp.slots[turn];
    memcpy(slots + bytes * (own.place.thread.x % 32), mine, bytes);
    char* meeting = &warp.meeting[turn];
    __tsan_release(meeting);
    if (++warp.arrived == 32) {
        warp.arrived = 0;
        warp.turn++;
        for (Fiber* member : warp.members) {
            member->state = State::Ready;
        }
    } else {
        wait_as(State::InExchange);
    }
    __tsan_acquire(meeting);
    return slots;
}

void* shared(const void* declaration, size_t bytes) {
    Memory& memory = block->memory[declaration];
    if (memory.bytes == nullptr) {
        memory.bytes = take(bytes);
        memory.size = bytes;
        memset(memory.bytes, 0xff, bytes);
        __tsan_release(&memory);
    }
    __tsan_acquire(&memory);
    return memory.bytes;
}

bool launch(const Launch& launch, void (*kernel)(const void*), const void* arguments, char* message, size_t capacity) {
    Block own{};
    own.launch = &launch;
    own.kernel = kernel;
    own.arguments = arguments;
    own.message = message;
    own.capacity = capacity;
    const unsigned blocks = launch.blocks[0] * launch.blocks[1] * launch.blocks[2];
    __tsan_release(&own.begin);
    for (unsigned index : permutation(blocks, launch.order)) {
        run_block(own, index);
        if (own.failed) {
            return false;
        }
    }
    __tsan_acquire(&own.end);
    for (void* watched : own.gone) {
        __tsan_destroy_fiber(watched);
    }
    return true;
}

} // namespace host
