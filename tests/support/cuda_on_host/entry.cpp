// Follows a kernel's text: the function that the test calls. ENTRY is the kernel.

#ifndef CLUSTER
#define CLUSTER 1
#endif

extern "C" int run(const void* arguments, const unsigned blocks[3], unsigned threads, unsigned order, char* message, size_t capacity) {
    const host::Launch launch = {{blocks[0], blocks[1], blocks[2]}, threads, CLUSTER, order};
    const auto kernel = [](const void* arguments) { ENTRY(*(const Arguments*)arguments); };
    return host::launch(launch, kernel, arguments, message, capacity) ? 0 : 1;
}
