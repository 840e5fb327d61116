// oneDNN's own C++ interface: `onednn_server THREADS [bf16]`. Time first; weights in the layout that each
// primitive asks for. The backward pass cannot leave out the input's gradient. In bf16 are the input, the
// hidden states and the weights; biases, the cell state and all gradients stay in f32.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

#include <dnnl.hpp>

using namespace dnnl;
using tag = memory::format_tag;

namespace {

const engine cpu(engine::kind::cpu, 0);
stream queue(cpu);
auto precision = memory::data_type::f32;

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
        fields[pair.substr(0, colon)] = pair.substr(colon + 1);
    }
    return fields;
}

// ---- one layer

memory zeros(const memory::desc &desc) {
    memory result(desc, cpu);
    std::fill_n(static_cast<char *>(result.get_data_handle()), desc.get_size(), 0);
    return result;
}

memory::desc plain(const memory::dims &dims, tag format) { return {dims, memory::data_type::f32, format}; }

/// The type of the operands: bf16 if the precision is.
memory::desc narrow(const memory::dims &dims, tag format) { return {dims, precision, format}; }

memory normal(const memory::desc &desc, float deviation) {
    static std::mt19937 generator;
    std::normal_distribution<float> distribution(0, deviation);
    memory result(desc, cpu);
    auto *values = static_cast<float *>(result.get_data_handle());
    std::generate_n(values, desc.get_size() / sizeof(float), [&] { return distribution(generator); });
    return result;
}

memory reordered(memory from, const memory::desc &to) {
    memory result(to, cpu);
    reorder(from, result).execute(queue, from, result);
    queue.wait();
    return result;
}

struct Layer {
    bool lstm, training;
    memory::dim B, T, D, H, gates, dirs;
    memory plain_w, plain_r;
    primitive forward, backward;
    std::unordered_map<int, memory> forward_args, backward_args;

    explicit Layer(const Request &request)
        : lstm(request.at("cell") != "gru"), training(request.at("mode") == "train"), B(std::stol(request.at("B"))),
          T(std::stol(request.at("T"))), D(std::stol(request.at("D"))), H(std::stol(request.at("H"))),
          gates(lstm ? 4 : 3), dirs(request.at("cell") == "bilstm" ? 2 : 1),
          plain_w(normal(plain({1, dirs, D, gates, H}, tag::ldigo), 0.1f)),
          plain_r(normal(plain({1, dirs, H, gates, H}, tag::ldigo), 0.1f)) {
        const auto x = narrow({T, B, D}, tag::tnc), y = narrow({T, B, dirs * H}, tag::tnc);
        const auto h = narrow({1, dirs, B, H}, tag::ldnc), c = plain({1, dirs, B, H}, tag::ldnc);
        // The GRU that resets after the product, PyTorch's, has a fourth bias.
        const auto bias = plain({1, dirs, 4, H}, tag::ldgo);
        const auto w = narrow({1, dirs, D, gates, H}, tag::any), r = narrow({1, dirs, H, gates, H}, tag::any);
        // The gradients', which bf16 leaves in f32.
        const auto dx = plain({T, B, D}, tag::tnc), dy = plain({T, B, dirs * H}, tag::tnc);
        const auto dh = plain({1, dirs, B, H}, tag::ldnc);
        const auto dw = plain({1, dirs, D, gates, H}, tag::any), dr = plain({1, dirs, H, gates, H}, tag::any);
        const auto kind = training ? prop_kind::forward_training : prop_kind::forward_inference;
        const auto direction =
            dirs == 2 ? rnn_direction::bidirectional_concat : rnn_direction::unidirectional_left2right;

        forward_args = {{DNNL_ARG_SRC_LAYER, reordered(normal(dx, 1), x)},
                        {DNNL_ARG_SRC_ITER, zeros(h)},
                        {DNNL_ARG_BIAS, normal(bias, 0.1f)},
                        {DNNL_ARG_DST_LAYER, zeros(y)},
                        {DNNL_ARG_DST_ITER, zeros(h)}};
        if (lstm) {
            forward_args[DNNL_ARG_SRC_ITER_C] = zeros(c);
            forward_args[DNNL_ARG_DST_ITER_C] = zeros(c);
            const lstm_forward::primitive_desc desc(cpu, kind, direction, x, h, c, w, r, bias, y, h, c);
            prepare_forward<lstm_forward>(desc);
            if (training)
                prepare_backward<lstm_backward>(
                    lstm_backward::primitive_desc(cpu, prop_kind::backward, direction, x, h, c, w, r, bias, y, h, c, dx,
                                                  dh, c, dw, dr, bias, dy, dh, c, desc));
        } else {
            const lbr_gru_forward::primitive_desc desc(cpu, kind, direction, x, h, w, r, bias, y, h);
            prepare_forward<lbr_gru_forward>(desc);
            if (training)
                prepare_backward<lbr_gru_backward>(
                    lbr_gru_backward::primitive_desc(cpu, prop_kind::backward, direction, x, h, w, r, bias, y, h, dx,
                                                     dh, dw, dr, bias, dy, dh, desc));
        }
        if (training) {
            backward_args[DNNL_ARG_DIFF_SRC_LAYER] = zeros(dx);
            backward_args[DNNL_ARG_DIFF_SRC_ITER] = zeros(dh);
            backward_args[DNNL_ARG_DIFF_BIAS] = zeros(bias);
            backward_args[DNNL_ARG_DIFF_DST_LAYER] = zeros(dy);
            backward_args[DNNL_ARG_DIFF_DST_ITER] = zeros(dh);
            auto *seed = static_cast<float *>(backward_args[DNNL_ARG_DIFF_DST_ITER].get_data_handle());
            std::fill_n(seed, dirs * B * H, 0.01f);
            if (lstm) {
                backward_args[DNNL_ARG_DIFF_SRC_ITER_C] = zeros(c);
                backward_args[DNNL_ARG_DIFF_DST_ITER_C] = zeros(c);
            }
        }
    }

    template <class Primitive, class Desc> void prepare_forward(const Desc &desc) {
        forward = Primitive(desc);
        forward_args[DNNL_ARG_WEIGHTS_LAYER] = reordered(plain_w, desc.weights_layer_desc());
        forward_args[DNNL_ARG_WEIGHTS_ITER] = reordered(plain_r, desc.weights_iter_desc());
        if (training) forward_args[DNNL_ARG_WORKSPACE] = memory(desc.workspace_desc(), cpu);
    }

    template <class Primitive, class Desc> void prepare_backward(const Desc &desc) {
        backward = Primitive(desc);
        backward_args = forward_args;
        backward_args[DNNL_ARG_WEIGHTS_LAYER] = reordered(plain_w, desc.weights_layer_desc());
        backward_args[DNNL_ARG_WEIGHTS_ITER] = reordered(plain_r, desc.weights_iter_desc());
        backward_args[DNNL_ARG_DIFF_WEIGHTS_LAYER] = zeros(desc.diff_weights_layer_desc());
        backward_args[DNNL_ARG_DIFF_WEIGHTS_ITER] = zeros(desc.diff_weights_iter_desc());
    }

    void run() {
        forward.execute(queue, forward_args);
        if (training) {
            // oneDNN adds to these.
            for (int sum : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {
                auto &gradient = backward_args[sum];
                std::fill_n(static_cast<char *>(gradient.get_data_handle()), gradient.get_desc().get_size(), 0);
            }
            backward.execute(queue, backward_args);
        }
        queue.wait();
    }
};

// ---- timing, as in server.py

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void warm_up(Layer &layer) {
    const double start = now();
    for (int runs = 1;; runs++) {
        layer.run();
        const double spent = now() - start;
        if (spent > 1 || (runs >= 2 && spent > 0.2)) return;
    }
}

std::string timed(Layer &layer, double seconds) {
    layer.run(); // the peer that had its turn before this one took the caches
    std::ostringstream times;
    const double start = now();
    for (int runs = 0; runs < 3 || now() - start < seconds; runs++) {
        const double before = now();
        layer.run();
        times << (runs ? "," : "") << (now() - before) * 1e3;
    }
    return times.str();
}

std::string unsupported(const std::string &why) { return "{\"unsupported\":\"" + why + "\"}"; }

} // namespace

int main(int count, char **arguments) {
    if (count > 2 && arguments[2] == std::string("bf16")) precision = memory::data_type::bf16;
    Request cached;
    std::unique_ptr<Layer> layer;
    for (std::string line; std::getline(std::cin, line);) {
        Request request = parse(line);
        if (request["op"] == "version") {
            const auto *v = dnnl_version();
            std::cout << "{\"peer\":\"onednn\",\"version\":\"" << v->major << '.' << v->minor << '.' << v->patch << "\"}";
        } else if (request["op"] == "memory") {
            std::cout << unsupported("only PyTorch's memory is compared");
        } else if (request["mode"] == "step") {
            std::cout << unsupported("only PyTorch's whole training step is compared");
        } else {
            const double seconds = std::stod(request["seconds"]);
            request.erase("seconds");
            if (request != cached) {
                layer.reset(); // the last model goes before the next one comes
                layer = std::make_unique<Layer>(request);
                warm_up(*layer);
                cached = request;
            }
            std::cout << "{\"ms\":[" << timed(*layer, seconds) << "]}";
        }
        std::cout << std::endl;
    }
}
