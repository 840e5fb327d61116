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
// A kernel is one of these if its name (`rnn_persistent_forward.cu PRECISION=19 PADDED=64`) contains all
// words of the variable.
#include <chrono>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

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
};

struct Event {
    std::chrono::steady_clock::time_point time;
};

std::mutex guard;
std::map<uint64_t, size_t> allocations;
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

} // namespace

extern "C" {

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

// ---- One context, and one stream whose work is always done

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
int cuCtxSynchronize() { return lost; }
int cuStreamCreate(void** into, unsigned) {
    *into = &stream;
    return SUCCESS;
}
int cuStreamDestroy_v2(void*) { return SUCCESS; }
int cuStreamSynchronize(void*) { return lost; }

int cuEventCreate(void** into, unsigned) {
    *into = new Event();
    return SUCCESS;
}
int cuEventDestroy_v2(void* event) {
    delete (Event*)event;
    return SUCCESS;
}
int cuEventRecord(void* event, void*) {
    ((Event*)event)->time = std::chrono::steady_clock::now();
    return lost;
}
int cuEventSynchronize(void*) { return lost; }
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
// Frees at once: the work of the stream is always done.
int cuMemAlloc_v2(uint64_t* address, size_t bytes) { return cuMemAllocAsync(address, bytes, nullptr); }
int cuMemFree_v2(uint64_t address) { return cuMemFreeAsync(address, nullptr); }
int cuMemsetD8Async(uint64_t address, unsigned char value, size_t bytes, void*) {
    memset((void*)address, value, bytes);
    return lost;
}
int cuMemsetD8_v2(uint64_t address, unsigned char value, size_t bytes) { return cuMemsetD8Async(address, value, bytes, nullptr); }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void*) {
    memcpy((void*)to, from, bytes);
    return lost;
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void*) {
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
    if (run == nullptr || entry == nullptr || name == nullptr) {
        return INVALID_IMAGE;
    }
    *into = new Module{library, (Run)run, *entry, *name};
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
    const Module& module = *(const Module*)function;
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
        const unsigned blocks[3] = {x, y, z};
        lost = run(module, parameters[0], blocks, threads);
    }
    // A launch returns before its kernel ends, so it does not report the kernel's errors.
    return told("CUDA_LAUNCH_BLOCKING", 0) ? lost : SUCCESS;
}

} // extern "C"
