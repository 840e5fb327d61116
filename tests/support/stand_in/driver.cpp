// A substitute for libcuda.so.1, for tests without a GPU. Memory is host memory. A kernel is a shared library
// that nvrtc.cpp compiled; the fibers of cuda_on_host/ run it at the launch.
//
// Environment variables control its answers and its failures:
//
//   STUB_VERSION, STUB_INIT, STUB_COUNT, STUB_ARCH   CUDA version, result of cuInit, devices, architecture
//   STUB_MEMORY       MiB of a device (8192 and, for the second, 1024 more)
//   STUB_TIMED        kernels that do not run but take 30 ms, for tests that only time them
//   STUB_WRONG        kernels that do not run, so that their results are wrong
//   STUB_LOST         kernels that lose the device with an illegal address, reported at the next wait, or at
//                     the launch with CUDA_LAUNCH_BLOCKING=1, as on a GPU
//   STUB_CRASH        kernels that end the process with SIGSEGV
//   STUB_HANG         kernels that never end
//
// Copies from page-locked memory wait until something asks for them, as they may on a GPU. `stand_in_calls`
// tells how often a function was called.
//
// A kernel is one of these if its name (`rnn_persistent_forward.cu PRECISION=19 PADDED=64`) contains all
// words of the variable.
#include <chrono>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <elf.h>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

enum : int {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    INVALID_IMAGE = 200,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_FAILED = 719,
    SYSTEM_DRIVER_MISMATCH = 803,
};

// The type of `run` in cuda_on_host/entry.cpp.
typedef int (*Run)(const void* arguments, const unsigned blocks[3], unsigned threads, unsigned order, char* message, size_t capacity);

struct Module {
    void* library;
    Run run;
    const char* entry;
    std::string name;
    size_t bytes; // of its argument
};

struct Event {
    std::chrono::steady_clock::time_point time;
    size_t copies = 0; // that were asked for before it
};

// A copy from page-locked memory.
struct Copy {
    uint64_t to;
    const void* from;
    size_t bytes;
};

// CUDA_KERNEL_NODE_PARAMS_v2 of cuda.h.
struct Parameters {
    void* function;
    unsigned x, y, z, threads, threads_y, threads_z, shared;
    void **arguments, **extra;
    void *kernel, *context;
};

struct Node {
    size_t index;
    const Module* module;
    unsigned blocks[3], threads;
    std::vector<char> argument;
};

// A graph, or an executable one, whose nodes are copies.
struct Graph {
    std::vector<std::unique_ptr<Node>> nodes;
};

std::mutex guard;
std::map<uint64_t, size_t> allocations;
std::map<const char*, size_t> locked; // page-locked memory
std::deque<Copy> waiting;
size_t copied = 0;
std::map<std::string, unsigned long> calls;
size_t held = 0;
// The sticky error that every call returns after a kernel has failed.
int lost = SUCCESS;
thread_local void* current = nullptr;
int context, stream, pool; // their addresses are the handles

int told(const char* name, int otherwise) {
    const char* value = getenv(name);
    return value ? atoi(value) : otherwise;
}

size_t memory_of(int device) { return (size_t)(told("STUB_MEMORY", 8192) + 1024 * device) << 20; }

bool is_told(const char* variable, const std::string& kernel) {
    const char* value = getenv(variable);
    std::istringstream words(value ? value : "");
    std::string word;
    bool any = false;
    while (words >> word) {
        if (kernel.find(word) == std::string::npos) {
            return false;
        }
        any = true;
    }
    return any;
}

// A module comes without its length. An ELF file ends with its section headers.
size_t image_bytes(const void* image) {
    Elf64_Ehdr head;
    memcpy(&head, image, sizeof head);
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_machine != EM_X86_64) {
        return 0;
    }
    return head.e_shoff + (size_t)head.e_shnum * head.e_shentsize;
}

sigjmp_buf before_launch;

void on_fault(int) { siglongjmp(before_launch, 1); }

// An invalid address is an error of the device and does not end the process.
int run(const Module& module, const void* arguments, const unsigned blocks[3], unsigned threads) {
    struct sigaction ours = {}, segv, bus;
    ours.sa_handler = on_fault;
    ours.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &ours, &segv);
    sigaction(SIGBUS, &ours, &bus);
    char message[400] = "";
    int error = SUCCESS;
    if (sigsetjmp(before_launch, 1) != 0) {
        error = ILLEGAL_ADDRESS;
    } else if (module.run(arguments, blocks, threads, 0, message, sizeof message) != 0) {
        fprintf(stderr, "stand-in driver: %s: %s\n", module.name.c_str(), message);
        error = LAUNCH_FAILED;
    }
    sigaction(SIGSEGV, &segv, nullptr);
    sigaction(SIGBUS, &bus, nullptr);
    return error;
}

void count(const char* function) {
    std::lock_guard<std::mutex> lock(guard);
    calls[function]++;
}

bool is_locked(const char* memory) {
    const auto after = locked.upper_bound(memory);
    return after != locked.begin() && memory < std::prev(after)->first + std::prev(after)->second;
}

// Does the copies that wait, until so many have been done in all.
void settle(size_t until = SIZE_MAX) {
    std::lock_guard<std::mutex> lock(guard);
    for (; !waiting.empty() && copied < until; copied++) {
        const Copy copy = waiting.front();
        memcpy((void*)copy.to, copy.from, copy.bytes);
        waiting.pop_front();
    }
}

// A launch returns before its kernel ends, so it does not report the kernel's errors.
int launched() { return told("CUDA_LAUNCH_BLOCKING", 0) ? lost : SUCCESS; }

void launch(const Module& module, const void* argument, const unsigned blocks[3], unsigned threads) {
    settle();
    if (is_told("STUB_CRASH", module.name)) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    while (is_told("STUB_HANG", module.name)) {
        pause();
    }
    if (is_told("STUB_TIMED", module.name)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
    } else if (is_told("STUB_LOST", module.name)) {
        lost = ILLEGAL_ADDRESS;
    } else if (!is_told("STUB_WRONG", module.name)) {
        lost = run(module, argument, blocks, threads);
    }
}

void set(Node& node, const Parameters& of) {
    node.module = (const Module*)of.function;
    node.blocks[0] = of.x, node.blocks[1] = of.y, node.blocks[2] = of.z;
    node.threads = of.threads;
    const char* argument = (const char*)of.arguments[0];
    node.argument.assign(argument, argument + node.module->bytes);
}

} // namespace

extern "C" {

unsigned long stand_in_calls(const char* function) {
    std::lock_guard<std::mutex> lock(guard);
    return calls[function];
}

// ---- The driver and its devices

int cuDriverGetVersion(int* version) {
    *version = told("STUB_VERSION", 13000);
    return SUCCESS;
}
// 100 is CUDA_ERROR_NO_DEVICE.
int cuInit(unsigned flags) { return (int)flags + told("STUB_INIT", 0); }
int cuDeviceGetCount(int* count) {
    *count = told("STUB_COUNT", 1);
    return SUCCESS;
}
int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return SUCCESS;
}
int cuDeviceGetName(char* name, int len, int device) {
    snprintf(name, (size_t)len, "%s", device == 0 ? "Stub GPU" : "Other GPU 2");
    return SUCCESS;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
    const int arch = told("STUB_ARCH", 90);
    switch (attribute) {
    case 75: // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
        *value = arch / 10;
        return SUCCESS;
    case 76: // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
        *value = arch % 10;
        return SUCCESS;
    case 115: // CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED
        *value = 1;
        return SUCCESS;
    case 16: // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
        *value = 2;
        return SUCCESS;
    default:
        *value = 0;
        return SUCCESS;
    }
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) {
    *bytes = memory_of(device);
    return SUCCESS;
}
int cuGetErrorName(int error, const char** text) {
    *text = error == SYSTEM_DRIVER_MISMATCH ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"
            : error == ILLEGAL_ADDRESS      ? "CUDA_ERROR_ILLEGAL_ADDRESS"
            : error == LAUNCH_FAILED        ? "CUDA_ERROR_LAUNCH_FAILED"
            : error == OUT_OF_MEMORY        ? "CUDA_ERROR_OUT_OF_MEMORY"
                                            : "CUDA_ERROR_UNKNOWN";
    return SUCCESS;
}
int cuGetErrorString(int error, const char** text) {
    *text = error == SYSTEM_DRIVER_MISMATCH ? "system has unsupported display driver / cuda driver combination"
            : error == ILLEGAL_ADDRESS      ? "an illegal memory access was encountered"
            : error == LAUNCH_FAILED        ? "unspecified launch failure"
            : error == OUT_OF_MEMORY        ? "out of memory"
                                            : "unknown error";
    return SUCCESS;
}

// ---- One context, and one stream whose work is done, except for copies

int cuDevicePrimaryCtxRetain(void** into, int) {
    *into = &context;
    return SUCCESS;
}
int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
int cuCtxGetCurrent(void** into) {
    *into = current;
    return SUCCESS;
}
int cuCtxSetCurrent(void* wanted) {
    current = wanted;
    return SUCCESS;
}
int cuCtxSynchronize() {
    settle();
    return lost;
}
int cuStreamCreate(void** into, unsigned) {
    *into = &stream;
    return SUCCESS;
}
int cuStreamDestroy_v2(void*) { return SUCCESS; }
int cuStreamSynchronize(void*) {
    count("cuStreamSynchronize");
    settle();
    return lost;
}

int cuEventCreate(void** into, unsigned) {
    *into = new Event();
    return SUCCESS;
}
int cuEventDestroy_v2(void* event) {
    delete (Event*)event;
    return SUCCESS;
}
int cuEventRecord(void* event, void*) {
    std::lock_guard<std::mutex> lock(guard);
    *(Event*)event = {std::chrono::steady_clock::now(), copied + waiting.size()};
    return lost;
}
int cuEventSynchronize(void* event) {
    settle(((Event*)event)->copies);
    return lost;
}
int cuEventElapsedTime_v2(float* milliseconds, void* start, void* end) {
    *milliseconds = std::chrono::duration<float, std::milli>(((Event*)end)->time - ((Event*)start)->time).count();
    return lost;
}

// ---- Memory

int cuMemGetInfo_v2(size_t* available, size_t* total) {
    std::lock_guard<std::mutex> lock(guard);
    *total = memory_of(0);
    *available = *total - held;
    return lost;
}
int cuMemAllocAsync(uint64_t* address, size_t bytes, void*) {
    if (lost != SUCCESS) {
        return lost;
    }
    std::lock_guard<std::mutex> lock(guard);
    if (bytes > memory_of(0) - held) {
        return OUT_OF_MEMORY;
    }
    void* memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (memory == nullptr) {
        return OUT_OF_MEMORY;
    }
    *address = (uint64_t)memory;
    allocations[*address] = bytes;
    held += bytes;
    return SUCCESS;
}
int cuMemFreeAsync(uint64_t address, void*) {
    settle();
    std::lock_guard<std::mutex> lock(guard);
    const auto found = allocations.find(address);
    if (found == allocations.end()) {
        return INVALID_VALUE;
    }
    held -= found->second;
    allocations.erase(found);
    free((void*)address);
    return lost;
}
// Frees at once: the work of the stream is done.
int cuMemAlloc_v2(uint64_t* address, size_t bytes) { return cuMemAllocAsync(address, bytes, nullptr); }
int cuMemFree_v2(uint64_t address) { return cuMemFreeAsync(address, nullptr); }
int cuMemsetD8Async(uint64_t address, unsigned char value, size_t bytes, void*) {
    settle();
    memset((void*)address, value, bytes);
    return lost;
}
int cuMemsetD8_v2(uint64_t address, unsigned char value, size_t bytes) { return cuMemsetD8Async(address, value, bytes, nullptr); }
int cuMemHostAlloc(void** into, size_t bytes, unsigned) {
    std::lock_guard<std::mutex> lock(guard);
    *into = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    locked[(const char*)*into] = bytes;
    return *into == nullptr ? OUT_OF_MEMORY : SUCCESS;
}
int cuMemFreeHost(void* memory) {
    std::lock_guard<std::mutex> lock(guard);
    // Copies that wait would read it.
    if (!waiting.empty() || locked.erase((const char*)memory) == 0) {
        return INVALID_VALUE;
    }
    free(memory);
    return lost;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void*) {
    count("cuMemcpyHtoDAsync");
    {
        std::lock_guard<std::mutex> lock(guard);
        if (is_locked((const char*)from)) {
            waiting.push_back({to, from, bytes});
            return lost;
        }
    }
    settle();
    memcpy((void*)to, from, bytes);
    return lost;
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void*) {
    settle();
    memcpy(to, (const void*)from, bytes);
    return lost;
}
int cuDeviceGetDefaultMemPool(void** into, int) {
    *into = &pool;
    return SUCCESS;
}
int cuMemPoolTrimTo(void*, size_t) { return lost; }

// ---- Kernels

int cuModuleLoadData(void** into, const void* image) {
    const size_t bytes = image_bytes(image);
    if (bytes == 0) {
        return INVALID_IMAGE;
    }
    // Each file has its own name, because the loader identifies a library by its name.
    char path[] = "/tmp/stand-in-XXXXXX";
    const int file = mkstemp(path);
    const bool whole = file >= 0 && write(file, image, bytes) == (ssize_t)bytes;
    close(file);
    void* library = whole ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
    unlink(path);
    const void* run = library ? dlsym(library, "run") : nullptr;
    const char* const* entry = library ? (const char* const*)dlsym(library, "stand_in_entry") : nullptr;
    const char* const* name = library ? (const char* const*)dlsym(library, "stand_in_name") : nullptr;
    const size_t* argument = library ? (const size_t*)dlsym(library, "stand_in_bytes") : nullptr;
    if (run == nullptr || entry == nullptr || name == nullptr || argument == nullptr) {
        return INVALID_IMAGE;
    }
    *into = new Module{library, (Run)run, *entry, *name, *argument};
    return SUCCESS;
}
int cuModuleUnload(void* module) {
    dlclose(((Module*)module)->library);
    delete (Module*)module;
    return SUCCESS;
}
// A module has one function, and the module is its handle.
int cuModuleGetFunction(void** function, void* module, const char* name) {
    *function = module;
    return strcmp(name, ((Module*)module)->entry) == 0 ? SUCCESS : NOT_FOUND;
}
int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned, unsigned, unsigned, void*,
                   void** parameters, void**) {
    if (lost != SUCCESS) {
        return lost;
    }
    count("cuLaunchKernel");
    const unsigned blocks[3] = {x, y, z};
    launch(*(const Module*)function, parameters[0], blocks, threads);
    return launched();
}

// ---- Graphs, each node of which depends on the node before

int cuGraphCreate(void** into, unsigned) {
    *into = new Graph();
    return lost;
}
int cuGraphDestroy(void* graph) {
    delete (Graph*)graph;
    return lost;
}
int cuGraphAddKernelNode_v2(void** into, void* graph, void* const* before, size_t count, const Parameters* of) {
    auto& nodes = ((Graph*)graph)->nodes;
    if (nodes.empty() ? count != 0 : count != 1 || before[0] != nodes.back().get()) {
        return INVALID_VALUE;
    }
    nodes.push_back(std::make_unique<Node>());
    nodes.back()->index = nodes.size() - 1;
    set(*nodes.back(), *of);
    *into = nodes.back().get();
    return lost;
}
int cuGraphInstantiateWithFlags(void** into, void* graph, unsigned long long) {
    count("cuGraphInstantiate");
    Graph* executable = new Graph();
    for (const auto& node : ((Graph*)graph)->nodes) {
        executable->nodes.push_back(std::make_unique<Node>(*node));
    }
    *into = executable;
    return lost;
}
int cuGraphExecDestroy(void* executable) { return cuGraphDestroy(executable); }
int cuGraphExecKernelNodeSetParams_v2(void* executable, void* node, const Parameters* of) {
    Node& own = *((Graph*)executable)->nodes[((Node*)node)->index];
    if (own.module != of->function) {
        return INVALID_VALUE;
    }
    set(own, *of);
    return lost;
}
int cuGraphLaunch(void* executable, void*) {
    if (lost != SUCCESS) {
        return lost;
    }
    count("cuGraphLaunch");
    for (const auto& node : ((Graph*)executable)->nodes) {
        if (lost == SUCCESS) {
            launch(*node->module, node->argument.data(), node->blocks, node->threads);
        }
    }
    return launched();
}

} // extern "C"
