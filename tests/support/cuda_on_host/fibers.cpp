// The threads of a cluster of blocks as fibers, scheduled in a given order. shim.h has the interface for
// kernels.

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

// If blocks are checked for races with one another, each gets fresh memory, because its use by another block
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

enum class State { Ready, AtBarrier, AtClusterBarrier, InExchange, InPhase, Returned };

struct Warp {
    struct Fiber* members[32] = {};
    unsigned arrived = 0, returned = 0, lanes = 0;
    int site = 0;
    unsigned turn = 0;
    alignas(16) char slots[2][32 * 64];
    char meeting[2]; // synchronization objects of two alternating exchanges
};

// The sets of threads with which clusters take turns.
const unsigned SETS = WATCHED_FOR_RACES ? 4 : 1;

struct Block;

struct Fiber {
    Context context;
    Place place;
    State state = State::Ready;
    int line = 0;
    Warp* warp;
    Block* block;
    void* watched = nullptr; // the sanitizer's handle
    // The phase that it waits for.
    const Barrier* barrier = nullptr;
    unsigned parity = 0;

    bool is_ready() const {
        return state == State::Ready || (state == State::InPhase && barrier->phase % 2 != parity);
    }
};

// The shared memory of one declaration.
struct Memory {
    char* bytes = nullptr;
    size_t size = 0;
};

struct Block {
    std::map<const void*, Memory> memory; // by declaration
    unsigned arrived = 0, returned = 0, turn = 0;
    int line = 0;
    char meeting[2]; // synchronization objects of two alternating barriers
};

// The cluster that is running, and its launch.
struct Cluster {
    const Launch* launch;
    void (*kernel)(const void*);
    const void* arguments;
    std::vector<Block> blocks;
    Fiber* fibers; // in the order in which they run
    unsigned count;
    size_t current = 0;
    unsigned started = 0; // clusters
    unsigned arrived = 0, returned = 0, turn = 0;
    Context launcher;
    void* watched = nullptr;
    // Synchronization objects: launch begin and end, and two alternating barriers for each set of threads.
    // One for all clusters would order them.
    char begin, end, meetings[SETS][2];
    char* message;
    size_t capacity;
    bool failed = false;
};

thread_local Cluster* cluster;

// The stacks of a cluster's threads, and the sanitizer's handles of them. To make them costs more than to run
// a small kernel, so they are used again. To the sanitizer a thread that runs on them then comes after the
// thread before: if blocks are checked for races, clusters take turns with four sets: a race between two
// clusters is seen unless their distance in the order of running is a multiple of four.
struct Threads {
    char* stacks = nullptr;
    size_t room = 0;
    std::vector<void*> watched;

    void grow(size_t count) {
        if (room < count) {
            if (stacks != nullptr) {
                give_back(stacks, STACK * room);
            }
            stacks = take(STACK * count);
            room = count;
        }
        while (watched.size() < count) {
            watched.push_back(__tsan_create_fiber(0));
        }
    }

    // After a launch that failed, whose threads stopped anywhere.
    void forget() {
        for (void* one : watched) {
            __tsan_destroy_fiber(one);
        }
        watched.clear();
        if (stacks != nullptr) {
            give_back(stacks, STACK * room);
        }
        stacks = nullptr;
        room = 0;
    }
};
thread_local Threads sets[SETS];

Fiber& running() { return cluster->fibers[cluster->current]; }

void go_to(Fiber& next, Context* from) {
    cluster->current = &next - cluster->fibers;
    next.state = State::Ready;
    place = &next.place;
    __tsan_switch_to_fiber(next.watched, 1); // 1: the switch does not synchronize the two
    change(from, &next.context);
}

void back_to_launcher(Context* from) {
    __tsan_switch_to_fiber(cluster->watched, 1);
    change(from, &cluster->launcher);
}

// Aborts the launch: its fibers never run again.
template <class... Values> void fail(const char* format, Values... values) {
    const Place& at = *place;
    int used = snprintf(cluster->message, cluster->capacity, "block %u,%u,%u thread %u: ", at.block.x, at.block.y, at.block.z,
                        at.thread.x);
    snprintf(cluster->message + used, cluster->capacity - used, format, values...);
    cluster->failed = true;
    Context nowhere;
    back_to_launcher(&nowhere);
    abort();
}

// The next fiber that can run after the current one; the current one comes last.
Fiber* next_ready() {
    for (size_t i = 1; i <= cluster->count; i++) {
        Fiber& fiber = cluster->fibers[(cluster->current + i) % cluster->count];
        if (fiber.is_ready()) {
            return &fiber;
        }
    }
    return nullptr;
}

const char* name(State state) {
    switch (state) {
    case State::AtBarrier: return "a barrier";
    case State::AtClusterBarrier: return "a barrier of the cluster";
    case State::InExchange: return "an exchange";
    default: return "a phase of a barrier in shared memory";
    }
}

void wait_as(State state) {
    Fiber& own = running();
    own.state = state;
    Fiber* next = next_ready();
    if (next == nullptr) {
        const Fiber* other = nullptr;
        for (unsigned i = 0; i < cluster->count; i++) {
            const Fiber& fiber = cluster->fibers[i];
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
    if (next == &own) {
        own.state = State::Ready;
        return;
    }
    go_to(*next, &own.context);
}

void fiber_main() {
    __tsan_acquire(&cluster->begin);
    cluster->kernel(cluster->arguments);
    __tsan_release(&cluster->end);
    Fiber& own = running();
    if (own.block->arrived > 0) {
        fail("returned while others wait in a barrier at line %d", own.block->line);
    }
    if (cluster->arrived > 0) {
        fail("returned while others wait in a barrier of the cluster");
    }
    if (own.warp->arrived > 0) {
        fail("returned while other lanes of its warp wait in an exchange");
    }
    own.state = State::Returned;
    own.block->returned++;
    cluster->returned++;
    own.warp->returned++;
    Context nowhere;
    if (Fiber* next = next_ready()) {
        go_to(*next, &nowhere);
    }
    if (cluster->returned < cluster->count) {
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

// Runs the blocks of cluster number `index`, which are neighbors in x.
void run_cluster(Cluster& own, unsigned index) {
    const Launch& launch = *own.launch;
    const unsigned x = launch.blocks[0], y = launch.blocks[1], z = launch.blocks[2];
    const unsigned warps_of_block = (launch.threads + 31) / 32, warps = warps_of_block * launch.cluster;
    own.count = launch.threads * launch.cluster;
    const size_t fiber_bytes = sizeof(Fiber) * own.count, warp_bytes = sizeof(Warp) * warps;
    own.blocks = std::vector<Block>(launch.cluster);
    own.fibers = (Fiber*)take(fiber_bytes);
    Warp* own_warps = (Warp*)take(warp_bytes);
    for (unsigned i = 0; i < warps; i++) {
        new (&own_warps[i]) Warp();
    }
    Threads& set = sets[own.started++ % SETS];
    set.grow(own.count);
    const std::vector<unsigned> threads = permutation(own.count, launch.order);
    for (unsigned i = 0; i < own.count; i++) {
        Fiber& fiber = *new (&own.fibers[i]) Fiber();
        const unsigned thread = threads[i] % launch.threads, rank = threads[i] / launch.threads;
        const unsigned block = index * launch.cluster + rank;
        fiber.place = {{thread, 0, 0}, {block % x, block / x % y, block / x / y}, {x, y, z}, {launch.threads, 1, 1}};
        fiber.block = &own.blocks[rank];
        fiber.warp = &own_warps[rank * warps_of_block + thread / 32];
        fiber.warp->members[thread % 32] = &fiber;
        fiber.warp->lanes++;
        begin(&fiber.context, set.stacks + STACK * i, fiber_main);
        fiber.watched = set.watched[i];
    }
    cluster = &own;
    own.current = own.count - 1;
    own.watched = __tsan_get_current_fiber();
    go_to(*next_ready(), &own.launcher);
    cluster = nullptr;
    place = nullptr;
    for (Block& block : own.blocks) {
        for (auto& memory : block.memory) {
            give_back(memory.second.bytes, memory.second.size);
        }
    }
    give_back(own.fibers, fiber_bytes);
    give_back(own_warps, warp_bytes);
    own.arrived = own.returned = own.turn = 0;
}

// The block's memory of one declaration, which is there from its first use on.
Memory& memory_of(Block& block, const void* declaration, size_t bytes) {
    Memory& memory = block.memory[declaration];
    if (memory.bytes == nullptr) {
        memory.bytes = take(bytes);
        memory.size = bytes;
        memset(memory.bytes, 0xff, bytes);
        __tsan_release(&memory);
    }
    __tsan_acquire(&memory);
    return memory;
}

} // namespace

void barrier(int line) {
    Fiber& own = running();
    Block& block = *own.block;
    own.line = line;
    if (block.returned > 0) {
        fail("a barrier at line %d, and %u threads of the block have returned", line, block.returned);
    }
    if (block.arrived > 0 && block.line != line) {
        fail("a barrier at line %d while others wait in one at line %d", line, block.line);
    }
    block.line = line;
    char* meeting = &block.meeting[block.turn % 2];
    __tsan_release(meeting);
    if (++block.arrived == cluster->launch->threads) {
        block.arrived = 0;
        block.turn++;
        for (unsigned i = 0; i < cluster->count; i++) {
            Fiber& fiber = cluster->fibers[i];
            if (fiber.block == &block) {
                fiber.state = State::Ready;
            }
        }
    } else {
        wait_as(State::AtBarrier);
    }
    __tsan_acquire(meeting);
}

void cluster_barrier() {
    if (cluster->returned > 0) {
        fail("a barrier of the cluster, and %u of its threads have returned", cluster->returned);
    }
    char* meeting = &cluster->meetings[cluster->started % SETS][cluster->turn % 2];
    __tsan_release(meeting);
    if (++cluster->arrived == cluster->count) {
        cluster->arrived = 0;
        cluster->turn++;
        for (unsigned i = 0; i < cluster->count; i++) {
            cluster->fibers[i].state = State::Ready;
        }
    } else {
        wait_as(State::AtClusterBarrier);
    }
    __tsan_acquire(meeting);
}

void begin_phases(Barrier* barrier, unsigned threads) {
    const unsigned short all = (unsigned short)threads;
    *barrier = {0, all, all, 0};
}

static void end_phase(Barrier* barrier) {
    if (barrier->pending == 0 && barrier->bytes == 0) {
        barrier->phase++;
        barrier->pending = barrier->threads;
    }
}

void arrive(Barrier* barrier, unsigned bytes) {
    if (barrier->pending == 0) {
        fail("more threads arrive than a phase of a barrier in shared memory expects");
    }
    __tsan_release(barrier);
    barrier->bytes += (short)(bytes / 16);
    barrier->pending--;
    end_phase(barrier);
}

void bytes_came(Barrier* barrier, unsigned bytes) {
    __tsan_release(barrier);
    barrier->bytes -= (short)(bytes / 16);
    end_phase(barrier);
}

void wait_for_phase(Barrier* barrier, unsigned parity) {
    Fiber& own = running();
    own.barrier = barrier;
    own.parity = parity;
    wait_as(State::InPhase);
    __tsan_acquire(barrier);
}

void* of_block(unsigned rank, void* own) {
    Block& there = cluster->blocks[rank];
    if (cluster->turn == 0) {
        fail("the memory of block %u of the cluster, before the first barrier of the cluster", rank);
    }
    if (there.returned > 0) {
        fail("the memory of block %u of the cluster, which has returned", rank);
    }
    for (auto& [declaration, memory] : running().block->memory) {
        const size_t offset = (char*)own - memory.bytes;
        if (memory.bytes <= (char*)own && offset < memory.size) {
            return memory_of(there, declaration, memory.size).bytes + offset;
        }
    }
    fail("no shared memory of this block");
    return nullptr;
}

const void* exchange(const void* mine, size_t bytes, int site) {
    Fiber& own = running();
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

void* shared(const void* declaration, size_t bytes) { return memory_of(*running().block, declaration, bytes).bytes; }

bool launch(const Launch& launch, void (*kernel)(const void*), const void* arguments, char* message, size_t capacity) {
    Cluster own{};
    own.launch = &launch;
    own.kernel = kernel;
    own.arguments = arguments;
    own.message = message;
    own.capacity = capacity;
    const unsigned blocks = launch.blocks[0] * launch.blocks[1] * launch.blocks[2];
    if (launch.blocks[0] % launch.cluster != 0) {
        snprintf(message, capacity, "%u blocks in x are no whole clusters of %u", launch.blocks[0], launch.cluster);
        return false;
    }
    __tsan_release(&own.begin);
    for (unsigned index : permutation(blocks / launch.cluster, launch.order)) {
        run_cluster(own, index);
        if (own.failed) {
            for (Threads& set : sets) {
                set.forget();
            }
            return false;
        }
    }
    __tsan_acquire(&own.end);
    return true;
}

} // namespace host
