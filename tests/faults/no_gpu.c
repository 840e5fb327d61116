// A CUDA driver without a GPU, for tests: says what the environment tells it to. A program loads it in the place of libcuda.so.
#include <stdlib.h>
#include <string.h>

static int told(const char* name, int otherwise) {
    const char* value = getenv(name);
    return value ? atoi(value) : otherwise;
}

int cuDriverGetVersion(int* version) {
    *version = told("STUB_VERSION", 13000);
    return 0;
}
// 100 is CUDA_ERROR_NO_DEVICE, 803 CUDA_ERROR_SYSTEM_DRIVER_MISMATCH.
int cuInit(unsigned flags) { return (int)flags + told("STUB_INIT", 0); }
int cuDeviceGetCount(int* count) {
    *count = told("STUB_COUNT", 1);
    return 0;
}
int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return 0;
}
int cuDeviceGetName(char* name, int len, int device) {
    strncpy(name, device == 0 ? "Stub GPU" : "Other GPU 2", (size_t)len);
    return 0;
}
// 75 and 76 are the compute capability.
int cuDeviceGetAttribute(int* value, int attribute, int device) {
    (void)device;
    const int arch = told("STUB_ARCH", 90);
    *value = attribute == 75 ? arch / 10 : attribute == 76 ? arch % 10 : 0;
    return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) {
    *bytes = (size_t)(8 + device) << 30;
    return 0;
}
int cuGetErrorName(int error, const char** text) {
    *text = error == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : "CUDA_ERROR_UNKNOWN";
    return 0;
}
int cuGetErrorString(int error, const char** text) {
    *text = error == 803 ? "system has unsupported display driver / cuda driver combination" : "unknown error";
    return 0;
}
