// cuDNN's recurrent layers with the algorithm forced: `cudnn_server ALGORITHM PRECISION [THREADS]`, where
// ALGORITHM is standard, persist-static, persist-static-small-h or persist-dynamic, and PRECISION is fp32
// f32 data, CUDNN_FMA_MATH: no tensor cores tf32   f32 data, CUDNN_DEFAULT_MATH, which lets products take
// tf32 fp16   f16 data, CUDNN_TENSOR_OP_MATH, sums in f32 bf16   bf16 data, the same One layer, two bias
// vectors, all rows of full length, time first: packed or, where an algorithm refuses that, padded (the
// numbers lie alike), which the answer names as its layout. A request's "pad": N widens D to the next
// multiple of N with zeros. Weights are set matrix by matrix, so that the output and the weight gradients of
// every algorithm can be compared with those of `standard` in f32 on the same numbers.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>
#include <cudnn.h>

namespace {

// A refusal of cuDNN or CUDA, in its own words.
struct Refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void check(cudnnStatus_t status, const char *call) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    char detail[512] = "";
    cudnnGetLastErrorString(detail, sizeof detail);
    throw Refusal(std::string(call) + ": " + cudnnGetErrorString(status) + (detail[0] ? std::string(", ") + detail : ""));
}

void check(cudaError_t status, const char *call) {
    if (status != cudaSuccess) throw Refusal(std::string(call) + ": " + cudaGetErrorString(status));
}

// `call` by its function's name.
#define CHECK(call) check(call, std::string(#call, std::strcspn(#call, "(")).c_str())

// ---- requests: one flat JSON object a line

using Request = std::map<std::string, std::string>;

Request parse(const std::string &line) {
    Request fields;
    std::string text;
    std::copy_if(line.begin(), line.end(), std::back_inserter(text),
                 [](char c) { return std::string("{}\" ").find(c) == std::string::npos; });
    std::istringstream pairs(text);
    for (std::string pair; std::getline(pairs, pair, ',');) {
        const auto colon = pair.find(':');
        fields[pair.substr(0, colon)] = colon == std::string::npos ? "" : pair.substr(colon + 1);
    }
    return fields;
}

std::string quoted(const std::string &text) {
    std::string safe;
    for (char c : text) safe += c == '"' || c == '\\' ? '\'' : static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    return '"' + safe + '"';
}

// ---- the device

cudaStream_t stream;
cudnnHandle_t handle;

// Device memory that begins as zeros.
struct Memory {
    void *address = nullptr;
    size_t bytes = 0;

    Memory() = default;
    explicit Memory(size_t size) : bytes(size) {
        if (bytes == 0) return;
        CHECK(cudaMalloc(&address, bytes));
        CHECK(cudaMemsetAsync(address, 0, bytes, stream));
    }
    Memory(Memory &&other) noexcept { *this = std::move(other); }
    Memory &operator=(Memory &&other) noexcept {
        std::swap(address, other.address);
        std::swap(bytes, other.bytes);
        return *this;
    }
    ~Memory() { cudaFree(address); }
};

// ---- numbers

enum class Precision { Fp32, Tf32, Fp16, Bf16 };

struct Format {
    cudnnDataType_t type;
    cudnnMathType_t math;
    size_t bytes;
    // Of the output, relative to its norm, beside f32.
    double tolerance;
};

Format format(Precision precision) {
    switch (precision) {
    case Precision::Fp32: return {CUDNN_DATA_FLOAT, CUDNN_FMA_MATH, 4, 1e-4};
    case Precision::Tf32: return {CUDNN_DATA_FLOAT, CUDNN_DEFAULT_MATH, 4, 5e-3};
    case Precision::Fp16: return {CUDNN_DATA_HALF, CUDNN_TENSOR_OP_MATH, 2, 1e-2};
    case Precision::Bf16: return {CUDNN_DATA_BFLOAT16, CUDNN_TENSOR_OP_MATH, 2, 5e-2};
    }
    throw std::logic_error("no such precision");
}

// f16 by arithmetic and bf16 by its bits: the headers that have these types are not everywhere.
uint16_t to_half(float x) {
    const float magnitude = std::fabs(x);
    if (magnitude == 0) return 0;
    const int exponent = std::max(std::ilogb(magnitude), -14);
    const auto bits = ((exponent + 14) << 10) + int(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
    return uint16_t(std::min(bits, 0x7c00) | (std::signbit(x) ? 0x8000 : 0));
}

float from_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31) return mantissa ? NAN : (bits >> 15 ? -INFINITY : INFINITY);
    const float magnitude = std::ldexp(float(mantissa + (exponent ? 1024 : 0)), std::max(exponent, 1) - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

uint16_t to_bf16(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float from_bf16(uint16_t half) {
    const uint32_t bits = uint32_t(half) << 16;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

void store(void *to, size_t i, float value, cudnnDataType_t type) {
    if (type == CUDNN_DATA_HALF)
        static_cast<uint16_t *>(to)[i] = to_half(value);
    else if (type == CUDNN_DATA_BFLOAT16)
        static_cast<uint16_t *>(to)[i] = to_bf16(value);
    else
        static_cast<float *>(to)[i] = value;
}

float load(const void *from, size_t i, cudnnDataType_t type) {
    if (type == CUDNN_DATA_HALF) return from_half(static_cast<const uint16_t *>(from)[i]);
    if (type == CUDNN_DATA_BFLOAT16) return from_bf16(static_cast<const uint16_t *>(from)[i]);
    return static_cast<const float *>(from)[i];
}

void upload(void *to, const std::vector<float> &values, const Format &as) {
    std::vector<char> bytes(values.size() * as.bytes);
    for (size_t i = 0; i < values.size(); i++) store(bytes.data(), i, values[i], as.type);
    CHECK(cudaMemcpyAsync(to, bytes.data(), bytes.size(), cudaMemcpyHostToDevice, stream));
    CHECK(cudaStreamSynchronize(stream));
}

std::vector<float> download(const void *from, size_t len, const Format &as) {
    std::vector<char> bytes(len * as.bytes);
    CHECK(cudaMemcpyAsync(bytes.data(), from, bytes.size(), cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    std::vector<float> values(len);
    for (size_t i = 0; i < len; i++) values[i] = load(bytes.data(), i, as.type);
    return values;
}

// Nearly normal numbers, the same for the same seed, that 8 bits of mantissa hold: every precision computes
// on the same.
std::vector<float> numbers(size_t len, float scale, uint64_t seed) {
    std::vector<float> values(len);
    uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
    for (float &value : values) {
        state = state * 6364136223846793005 + 1442695040888963407;
        const uint64_t bits = state ^ state >> 32;
        // The sum of three uniform numbers has a variance of 1/4.
        const auto part = [&](int i) { return float(bits >> 16 * i & 0xffff) / 65536 - 0.5f; };
        value = from_bf16(to_bf16(2 * (part(0) + part(1) + part(2)) * scale));
    }
    return values;
}

// ---- one layer

struct Sizes {
    bool lstm, training;
    int B, T, D, wide, H, dirs; // D numbers of `wide` are not zeros

    explicit Sizes(const Request &request)
        : lstm(request.at("cell") != "gru"), training(request.at("mode") == "train"), B(std::stoi(request.at("B"))),
          T(std::stoi(request.at("T"))), D(std::stoi(request.at("D"))), wide(D), H(std::stoi(request.at("H"))),
          dirs(request.at("cell") == "bilstm" ? 2 : 1) {
        const auto pad = request.find("pad");
        if (pad != request.end() && std::stoi(pad->second) > 1) {
            const int multiple = std::stoi(pad->second);
            wide = (D + multiple - 1) / multiple * multiple;
        }
    }
};

// cuDNN's descriptors, destroyed when dropped.
template <class T> using Descriptor = std::unique_ptr<std::remove_pointer_t<T>, cudnnStatus_t (*)(T)>;

template <class T> Descriptor<T> created(cudnnStatus_t (*create)(T *), cudnnStatus_t (*destroy)(T)) {
    T descriptor;
    CHECK(create(&descriptor));
    return Descriptor<T>(descriptor, destroy);
}

class Layer {
  public:
    Layer(const Sizes &sizes, cudnnRNNAlgo_t algorithm, Precision precision, bool is_packed)
        : s(sizes), as(format(precision)), dropout(created(cudnnCreateDropoutDescriptor, cudnnDestroyDropoutDescriptor)),
          rnn(created(cudnnCreateRNNDescriptor, cudnnDestroyRNNDescriptor)),
          x_desc(created(cudnnCreateRNNDataDescriptor, cudnnDestroyRNNDataDescriptor)),
          y_desc(created(cudnnCreateRNNDataDescriptor, cudnnDestroyRNNDataDescriptor)),
          state(created(cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor)) {
        CHECK(cudnnSetDropoutDescriptor(dropout.get(), handle, 0, nullptr, 0, 0));
        CHECK(cudnnSetRNNDescriptor_v8(rnn.get(), algorithm, s.lstm ? CUDNN_LSTM : CUDNN_GRU, CUDNN_RNN_DOUBLE_BIAS,
                                       s.dirs == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
                                       as.type, CUDNN_DATA_FLOAT, as.math, s.wide, s.H, s.H, 1, dropout.get(),
                                       is_packed ? CUDNN_RNN_PADDED_IO_DISABLED : CUDNN_RNN_PADDED_IO_ENABLED));
        if (algorithm == CUDNN_RNN_ALGO_PERSIST_DYNAMIC) CHECK(cudnnBuildRNNDynamic(handle, rnn.get(), s.B));
        std::vector<int> whole(s.B, s.T);
        float fill = 0;
        const auto layout = is_packed ? CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED : CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED;
        CHECK(cudnnSetRNNDataDescriptor(x_desc.get(), as.type, layout, s.T, s.B, s.wide, whole.data(), &fill));
        CHECK(cudnnSetRNNDataDescriptor(y_desc.get(), as.type, layout, s.T, s.B, s.dirs * s.H, whole.data(), &fill));
        const int dims[] = {s.dirs, s.B, s.H}, strides[] = {s.B * s.H, s.H, 1};
        CHECK(cudnnSetTensorNdDescriptor(state.get(), as.type, 3, dims, strides));

        size_t work_bytes = 0, reserve_bytes = 0, weight_bytes = 0;
        const auto mode = s.training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE;
        CHECK(cudnnGetRNNTempSpaceSizes(handle, rnn.get(), mode, x_desc.get(), &work_bytes, &reserve_bytes));
        CHECK(cudnnGetRNNWeightSpaceSize(handle, rnn.get(), &weight_bytes));
        const size_t rows = size_t(s.T) * s.B;
        lengths = Memory(s.B * sizeof(int));
        CHECK(cudaMemcpyAsync(lengths.address, whole.data(), lengths.bytes, cudaMemcpyHostToDevice, stream));
        x = Memory(rows * s.wide * as.bytes);
        y = Memory(rows * s.dirs * s.H * as.bytes);
        last = Memory(size_t(s.dirs) * s.B * s.H * as.bytes);
        weights = Memory(weight_bytes);
        work = Memory(work_bytes);
        reserve = Memory(reserve_bytes);

        auto values = numbers(rows * s.D, 1, 1);
        std::vector<float> widened(rows * s.wide, 0);
        for (size_t row = 0; row < rows; row++)
            std::copy_n(values.begin() + row * s.D, s.D, widened.begin() + row * s.wide);
        upload(x.address, widened, as);
        each_matrix(weights, [&](void *address, int gate_rows, int columns, int filled, int matrix) {
            // The same numbers whatever D is widened to, and zeros beyond.
            const auto some = numbers(size_t(gate_rows) * filled, 1 / std::sqrt(float(s.H)) / 2, 100 + matrix);
            std::vector<float> all(size_t(gate_rows) * columns, 0);
            for (int row = 0; row < gate_rows; row++)
                std::copy_n(some.begin() + size_t(row) * filled, filled, all.begin() + size_t(row) * columns);
            upload(address, all, as);
        });
        if (!s.training) return;
        dx = Memory(x.bytes);
        dy = Memory(y.bytes);
        d_last = Memory(last.bytes);
        d_weights = Memory(weight_bytes);
        upload(d_last.address, std::vector<float>(d_last.bytes / as.bytes, 0.01f), as);
    }

    // Asks for a pass, and does not wait.
    void queue() {
        const auto mode = s.training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE;
        const auto *seen = static_cast<const int32_t *>(lengths.address);
        CHECK(cudnnRNNForward(handle, rnn.get(), mode, seen, x_desc.get(), x.address, y_desc.get(), y.address, state.get(),
                              nullptr, last.address, state.get(), nullptr, nullptr, weights.bytes, weights.address,
                              work.bytes, work.address, reserve.bytes, reserve.address));
        if (!s.training) return;
        CHECK(cudnnRNNBackwardData_v8(handle, rnn.get(), seen, y_desc.get(), y.address, dy.address, x_desc.get(),
                                      dx.address, state.get(), nullptr, d_last.address, nullptr, state.get(), nullptr,
                                      nullptr, nullptr, weights.bytes, weights.address, work.bytes, work.address,
                                      reserve.bytes, reserve.address));
        // cuDNN adds to these.
        CHECK(cudaMemsetAsync(d_weights.address, 0, d_weights.bytes, stream));
        CHECK(cudnnRNNBackwardWeights_v8(handle, rnn.get(), CUDNN_WGRAD_MODE_ADD, seen, x_desc.get(), x.address,
                                         state.get(), nullptr, y_desc.get(), y.address, weights.bytes,
                                         d_weights.address, work.bytes, work.address, reserve.bytes,
                                         reserve.address));
    }

    void run(int passes) {
        for (int i = 0; i < passes; i++) queue();
        CHECK(cudaStreamSynchronize(stream));
    }

    // The output and, in training, the gradients of all weights.
    std::vector<std::vector<float>> results() {
        std::vector<std::vector<float>> all{download(y.address, y.bytes / as.bytes, as)};
        if (s.training) {
            all.emplace_back();
            each_matrix(d_weights, [&](void *address, int rows, int columns, int kept, int) {
                const auto matrix = download(address, size_t(rows) * columns, as);
                for (int row = 0; row < rows; row++) {
                    const auto begin = matrix.begin() + size_t(row) * columns;
                    all.back().insert(all.back().end(), begin, begin + kept);
                }
            });
        }
        return all;
    }

  private:
    Sizes s;
    Format as;
    Descriptor<cudnnDropoutDescriptor_t> dropout;
    Descriptor<cudnnRNNDescriptor_t> rnn;
    Descriptor<cudnnRNNDataDescriptor_t> x_desc, y_desc;
    Descriptor<cudnnTensorDescriptor_t> state;
    Memory lengths, x, y, last, weights, work, reserve, dx, dy, d_last, d_weights;

    // Matrices by input, then by state, and their biases: address, rows, columns, columns that are not D's
    // padding, a number. The addresses are cuDNN's to tell.
    void each_matrix(const Memory &space, const std::function<void(void *, int, int, int, int)> &visit) {
        const auto matrix = created(cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor);
        const auto bias = created(cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor);
        const int matrices = s.lstm ? 8 : 6;
        for (int dir = 0; dir < s.dirs; dir++) {
            for (int id = 0; id < matrices; id++) {
                void *matrix_at = nullptr, *bias_at = nullptr;
                CHECK(cudnnGetRNNWeightParams(handle, rnn.get(), dir, space.bytes, space.address, id, matrix.get(),
                                              &matrix_at, bias.get(), &bias_at));
                if (matrix_at == nullptr || bias_at == nullptr) throw Refusal("cudnnGetRNNWeightParams: no address");
                const bool is_input = id < matrices / 2;
                visit(matrix_at, s.H, is_input ? s.wide : s.H, is_input ? s.D : s.H, 2 * (dir * matrices + id));
                visit(bias_at, 1, s.H, s.H, 2 * (dir * matrices + id) + 1);
            }
        }
    }
};

// The distance of two results relative to their size, 2 if one has no number.
double distance(const std::vector<float> &a, const std::vector<float> &b) {
    if (a.size() != b.size()) return 2;
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); i++) {
        difference += std::pow(double(a[i]) - b[i], 2);
        size += double(b[i]) * b[i];
    }
    const double relative = std::sqrt(difference / std::max(size, 1e-30));
    return std::isfinite(relative) ? relative : 2;
}

// ---- timing, as README.md says

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Milliseconds of each of `passes` passes that are queued with one wait at their end: by the wall clock, and
// between two events.
std::pair<double, double> queued(const std::function<void()> &queue, int passes) {
    cudaEvent_t start, end;
    CHECK(cudaEventCreate(&start));
    CHECK(cudaEventCreate(&end));
    const double before = now();
    CHECK(cudaEventRecord(start, stream));
    for (int i = 0; i < passes; i++) queue();
    CHECK(cudaEventRecord(end, stream));
    CHECK(cudaEventSynchronize(end));
    const double wall = (now() - before) * 1e3;
    float device = 0;
    CHECK(cudaEventElapsedTime(&device, start, end));
    cudaEventDestroy(start);
    cudaEventDestroy(end);
    return {wall / passes, device / passes};
}

// A pass as a CUDA graph.
class Graph {
  public:
    explicit Graph(Layer &layer) {
        CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
        std::string refused;
        try {
            layer.queue();
        } catch (const Refusal &why) {
            refused = why.what();
        }
        // The capture ends whatever happened in it.
        const auto ended = cudaStreamEndCapture(stream, &graph);
        if (!refused.empty()) throw Refusal(refused);
        check(ended, "cudaStreamEndCapture");
        CHECK(cudaGraphInstantiate(&program, graph, 0));
    }
    ~Graph() {
        if (program) cudaGraphExecDestroy(program);
        if (graph) cudaGraphDestroy(graph);
    }
    Graph(const Graph &) = delete;
    void queue() { CHECK(cudaGraphLaunch(program, stream)); }

  private:
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t program = nullptr;
};

std::string list(const std::vector<double> &values) {
    std::ostringstream text;
    text.precision(7);
    for (size_t i = 0; i < values.size(); i++) text << (i ? "," : "[") << values[i];
    return values.empty() ? "[]" : text.str() + "]";
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
}

// A case that is ready: the layer, its graph if it has one, and how it was judged.
struct Prepared {
    Layer layer;
    std::unique_ptr<Graph> graph;
    std::string remarks;

    Prepared(const Request &request, cudnnRNNAlgo_t algorithm, Precision precision, bool is_packed)
        : layer(Sizes(request), algorithm, precision, is_packed),
          remarks(is_packed ? ",\"layout\":\"packed\"" : ",\"layout\":\"padded\"") {
        layer.run(1);
        judge(request, precision);
        try {
            graph = std::make_unique<Graph>(layer);
            graph->queue();
            CHECK(cudaStreamSynchronize(stream));
        } catch (const Refusal &why) {
            graph.reset();
            cudaGetLastError(); // a capture that failed leaves one, and no other call did
            remarks += ",\"no_graph\":" + quoted(why.what());
        }
        const double start = now();
        for (int runs = 1;; runs++) {
            layer.run(1);
            const double spent = now() - start;
            if (spent > 1 || (runs >= 2 && spent > 0.2)) return;
        }
    }

    void judge(const Request &request, Precision precision) {
        const auto found = layer.results();
        Layer reference(Sizes(request), CUDNN_RNN_ALGO_STANDARD, Precision::Fp32, true);
        reference.run(1);
        const auto expected = reference.results();
        double worst = 0;
        for (size_t i = 0; i < found.size(); i++) worst = std::max(worst, distance(found[i], expected[i]));
        std::ostringstream text;
        text << ",\"difference\":" << worst;
        if (worst > format(precision).tolerance)
            text << ",\"warning\":\"output or gradients are " << worst
                 << " off those of the algorithm standard in f32, relative to their norm; "
                 << format(precision).tolerance << " was expected at most\"";
        remarks += text.str();
    }

    std::string timed(double seconds, bool is_queued) {
        layer.run(1); // the peer that had its turn before this one took the caches
        std::vector<double> waits;
        const double start = now();
        while (waits.size() < 3 || now() - start < seconds) {
            const double before = now();
            layer.run(1);
            waits.push_back((now() - before) * 1e3);
        }
        std::string answer = "{\"ms\":" + list(waits);
        if (is_queued) {
            const int passes = std::clamp(int(std::ceil(20 / median(waits))), 10, 500);
            std::vector<double> walls, events, graphs;
            for (int i = 0; i < 5; i++) {
                const auto [wall, device] = queued([&] { layer.queue(); }, passes);
                walls.push_back(wall);
                events.push_back(device);
            }
            for (int i = 0; graph && i < 3; i++) graphs.push_back(queued([&] { graph->queue(); }, passes).second);
            answer += ",\"queued_ms\":" + list(walls) + ",\"event_ms\":" + list(events);
            if (graph) answer += ",\"graph_ms\":" + list(graphs);
        }
        return answer + remarks + "}";
    }
};

std::unique_ptr<Prepared> prepare(const Request &request, cudnnRNNAlgo_t algorithm, Precision precision) {
    std::string packed;
    try {
        return std::make_unique<Prepared>(request, algorithm, precision, true);
    } catch (const Refusal &why) {
        packed = why.what();
    }
    try {
        return std::make_unique<Prepared>(request, algorithm, precision, false);
    } catch (const Refusal &why) {
        throw Refusal(packed == why.what() ? packed : "packed: " + packed + "; padded: " + why.what());
    }
}

template <class T> T named(const std::map<std::string, T> &known, const std::string &name, const char *what) {
    const auto found = known.find(name);
    if (found != known.end()) return found->second;
    std::string names;
    for (const auto &entry : known) names += (names.empty() ? "" : ", ") + entry.first;
    std::cerr << "cudnn_server: no " << what << " is called " << name << ": there are " << names << std::endl;
    std::exit(2);
}

std::string unsupported(const std::string &why) { return "{\"unsupported\":" + quoted(why) + "}"; }

} // namespace

int main(int count, char **arguments) {
    if (count < 3) {
        std::cerr << "usage: cudnn_server ALGORITHM PRECISION [THREADS]" << std::endl;
        return 2;
    }
    const auto algorithm = named<cudnnRNNAlgo_t>({{"standard", CUDNN_RNN_ALGO_STANDARD},
                                                  {"persist-static", CUDNN_RNN_ALGO_PERSIST_STATIC},
                                                  {"persist-static-small-h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H},
                                                  {"persist-dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC}},
                                                 arguments[1], "algorithm");
    const auto precision = named<Precision>({{"fp32", Precision::Fp32},
                                             {"tf32", Precision::Tf32},
                                             {"fp16", Precision::Fp16},
                                             {"bf16", Precision::Bf16}},
                                            arguments[2], "precision");
    cudaDeviceProp device;
    try {
        CHECK(cudaGetDeviceProperties(&device, 0));
        CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
        CHECK(cudnnCreate(&handle));
        CHECK(cudnnSetStream(handle, stream));
    } catch (const Refusal &why) {
        std::cerr << "cudnn_server: " << why.what() << std::endl;
        return 4;
    }
    Request cached;
    std::unique_ptr<Prepared> prepared;
    std::string refused; // why the cached case is none
    for (std::string line; std::getline(std::cin, line);) {
        Request request = parse(line);
        if (request["op"] == "version") {
            const auto v = cudnnGetVersion();
            std::cout << "{\"peer\":\"cudnn\",\"version\":\"" << v / 10000 << '.' << v / 100 % 100 << '.' << v % 100
                      << "\",\"device\":" << quoted(device.name) << "}" << std::endl;
            continue;
        }
        if (request["op"] != "time" || request["mode"] == "step") {
            std::cout << unsupported("cuDNN is asked for train and infer alone") << std::endl;
            continue;
        }
        try {
            const double seconds = std::stod(request["seconds"]);
            const bool is_queued = request["queue"] == "true";
            request.erase("seconds");
            request.erase("queue");
            if (request != cached) {
                prepared.reset(); // the last model goes before the next one comes
                refused.clear();
                cached = request;
                try {
                    prepared = prepare(request, algorithm, precision);
                } catch (const Refusal &why) {
                    refused = why.what();
                }
            }
            std::cout << (prepared ? prepared->timed(seconds, is_queued) : unsupported(refused)) << std::endl;
        } catch (const Refusal &why) {
            prepared.reset();
            cached.clear();
            std::cout << unsupported(why.what()) << std::endl;
        }
        // A fault of a kernel lasts for the process: the next call starts another one.
        const auto state = cudaDeviceSynchronize();
        if (state != cudaSuccess) {
            std::cerr << "cudnn_server: the device is lost to this process: " << cudaGetErrorString(state) << std::endl;
            return 5;
        }
    }
}
