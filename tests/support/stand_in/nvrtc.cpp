// A substitute for libnvrtc.so, for tests without CUDA. It compiles a kernel's text to a shared library, with
// the system's C++ compiler and the fibers of cuda_on_host/ (SOURCES is that folder). The bytes of the
// library are the "cubin" that driver.cpp runs. A folder beside this library caches the results.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern "C" char** environ;

namespace {

enum : int { SUCCESS = 0, COMPILATION = 6, INTERNAL = 11 };

const int ARCHITECTURES[] = {80, 86, 89, 90, 100};

struct Program {
    std::string text, name, log, cubin;
};

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// FNV-1a, 64 bits.
std::string hash(const std::string& text) {
    uint64_t state = 0xcbf29ce484222325;
    for (const unsigned char byte : text) {
        state = (state ^ byte) * 0x100000001b3;
    }
    char digits[17];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)state);
    return digits;
}

// The cache folder beside this library.
std::string folder() {
    Dl_info info;
    dladdr((const void*)ARCHITECTURES, &info);
    const std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/')) + "/programs";
}

// Runs the C++ compiler, and appends its output to `log`.
bool compile(std::vector<std::string> arguments, const std::string& scratch, std::string& log) {
    const char* compiler = getenv("CXX");
    arguments.insert(arguments.begin(), compiler ? compiler : "c++");
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, scratch.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child;
    int status = -1;
    if (posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ) == 0) {
        waitpid(child, &status, 0);
    }
    posix_spawn_file_actions_destroy(&actions);
    log += contents(scratch);
    unlink(scratch.c_str());
    return status == 0;
}

} // namespace

extern "C" {

int nvrtcVersion(int* major, int* minor) {
    *major = 13;
    *minor = 0;
    return SUCCESS;
}
int nvrtcGetNumSupportedArchs(int* count) {
    *count = (int)std::size(ARCHITECTURES);
    return SUCCESS;
}
int nvrtcGetSupportedArchs(int* into) {
    memcpy(into, ARCHITECTURES, sizeof ARCHITECTURES);
    return SUCCESS;
}
const char* nvrtcGetErrorString(int error) { return error == COMPILATION ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR_INTERNAL_ERROR"; }

int nvrtcCreateProgram(void** program, const char* text, const char* name, int, const char* const*, const char* const*) {
    *program = new Program{text, name, "", ""};
    return SUCCESS;
}
int nvrtcDestroyProgram(void** program) {
    delete (Program*)*program;
    *program = nullptr;
    return SUCCESS;
}

int nvrtcCompileProgram(void* handle, int count, const char* const* options) {
    Program& program = *(Program*)handle;
    const std::string entry = program.name.substr(0, program.name.rfind('.')), sources = SOURCES;
    // The flags of tests/support/cuda_on_host.rs. Options other than constants are for NVRTC only.
    std::vector<std::string> flags = {"-std=c++17", "-O1", "-fPIC", "-shared", "-w", "-ffp-contract=off", "-fno-strict-aliasing", "-I", sources};
    if (__builtin_cpu_supports("fma")) {
        flags.push_back("-mfma");
    }
    std::string name = program.name, key = program.text;
    for (int i = 0; i < count; i++) {
        if (strncmp(options[i], "-D", 2) == 0) {
            flags.push_back(options[i]);
            name += std::string(" ") + (options[i] + 2);
        }
    }
    const std::string shim = contents(sources + "/shim.h"), run = contents(sources + "/entry.cpp"), fibers = contents(sources + "/fibers.cpp");
    const std::string programs = folder(), library = programs + "/" + entry + "-" + hash(key + name + shim + run + fibers) + ".so";
    mkdir(programs.c_str(), 0700);
    if (!exists(library)) {
        // Several processes may build the library at once, so it appears by an atomic rename.
        const std::string own = programs + "/" + entry + "-" + std::to_string(getpid()) + "-" + hash(name);
        write(own + ".cpp", "#include \"shim.h\"\n" + program.text + "\n#line 1 \"entry.cpp\"\n" + run +
                                "extern \"C\" const unsigned long stand_in_bytes = sizeof(Arguments);\n" +
                                "extern \"C\" const char *const stand_in_entry = \"" + entry + "\", *const stand_in_name = \"" + name + "\";\n");
        const std::string object = programs + "/fibers-" + hash(shim + fibers) + ".o";
        std::vector<std::string> first = flags, second = flags;
        first.insert(first.end(), {"-O2", "-DWATCHED_FOR_RACES=0", "-c", "-o", own + ".o", sources + "/fibers.cpp"});
        second.insert(second.end(), {"-DENTRY=" + entry, "-o", own + ".so", own + ".cpp", object});
        const bool made = (exists(object) || (compile(first, own + ".log", program.log) && rename((own + ".o").c_str(), object.c_str()) == 0)) &&
                          compile(second, own + ".log", program.log) && rename((own + ".so").c_str(), library.c_str()) == 0;
        unlink((own + ".cpp").c_str());
        if (!made) {
            return COMPILATION;
        }
    }
    program.cubin = contents(library);
    program.log = "ptxas info    : Compiling entry function '" + entry +
                  "'\n    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\nptxas info    : Used 32 registers, used 1 barriers\n";
    return program.cubin.empty() ? INTERNAL : SUCCESS;
}

// The log includes its terminating NUL.
int nvrtcGetProgramLogSize(void* program, size_t* bytes) {
    *bytes = ((Program*)program)->log.size() + 1;
    return SUCCESS;
}
int nvrtcGetProgramLog(void* program, char* into) {
    const std::string& log = ((Program*)program)->log;
    memcpy(into, log.c_str(), log.size() + 1);
    return SUCCESS;
}
int nvrtcGetCUBINSize(void* program, size_t* bytes) {
    *bytes = ((Program*)program)->cubin.size();
    return SUCCESS;
}
int nvrtcGetCUBIN(void* program, char* into) {
    const std::string& cubin = ((Program*)program)->cubin;
    memcpy(into, cubin.data(), cubin.size());
    return SUCCESS;
}

} // extern "C"
