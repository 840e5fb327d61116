// Softmax cross-entropy with class weights and label smoothing, and its gradient; a block per model. Each
// thread sums its own batch rows, then the threads' sums are added in order.

// The sum of `own` over all threads of the block, in the order of the threads.
__device__ __forceinline__ float added_up(float* sums, float own) {
    __syncthreads();
    sums[threadIdx.x] = own;
    __syncthreads();
    float sum = 0.0f;
    for (int i = 0; i < THREADS; i++) {
        sum += sums[i];
    }
    return sum;
}

extern "C" __global__ void __launch_bounds__(THREADS) loss(const __grid_constant__ Arguments a) {
    SHARED(float, sums, THREADS);
    const unsigned m = blockIdx.x;
    const float* class_weights = a.class_weights + m * a.classes;
    // The target mass of class `c` of a row, times the class's weight.
    const auto mass = [&](unsigned c, unsigned label) {
        return ((c == label ? 1.0f - a.smoothing : 0.0f) + a.smoothing / (float)a.classes) * class_weights[c];
    };
    float weights = 0.0f, rows = 0.0f;
    for (unsigned b = threadIdx.x; b < a.batch; b += THREADS) {
        const unsigned row = m * a.batch + b;
        if (a.lengths[row] > 0) {
            weights += class_weights[a.labels[row]];
            rows += 1.0f;
        }
    }
    const float all_weights = added_up(sums, weights);
    float own = 0.0f;
    for (unsigned b = threadIdx.x; b < a.batch; b += THREADS) {
        const unsigned row = m * a.batch + b;
        const float* logits = a.logits + (size_t)row * a.classes;
        float* d_logits = a.d_logits + (size_t)row * a.classes;
        if (a.lengths[row] == 0) {
            for (unsigned c = 0; c < a.classes; c++) {
                d_logits[c] = 0.0f;
            }
            continue;
        }
        float largest = logits[0];
        for (unsigned c = 1; c < a.classes; c++) {
            largest = logits[c] > largest ? logits[c] : largest;
        }
        float sum = 0.0f, all_mass = 0.0f;
        for (unsigned c = 0; c < a.classes; c++) {
            sum += exp_clamped(logits[c] - largest);
            all_mass += mass(c, a.labels[row]);
        }
        const float log_sum = ln(sum);
        for (unsigned c = 0; c < a.classes; c++) {
            const float log_p = logits[c] - largest - log_sum;
            const float own_mass = mass(c, a.labels[row]);
            own -= own_mass * log_p;
            d_logits[c] = (all_mass * exp_clamped(log_p) - own_mass) / all_weights;
        }
    }
    const float all = added_up(sums, own);
    const float all_rows = added_up(sums, rows);
    if (threadIdx.x == 0) {
        a.losses[m] = all_rows == 0.0f ? 0.0f : all / all_weights;
    }
}
