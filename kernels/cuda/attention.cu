// Attention over time, (M, T, B, D) to (M, B, D), forward and backward. Each PASS is one launch, because the
// next pass needs all results of the one before. For each model and batch row, t over the row's length:
//
//   forward:
//       e[t]  = w . x[t]                                SCORES
//       a     = softmax(e)                              SOFTMAX
//       out   = sum over t of a[t] x[t]                 MEAN
//   backward:
//       g[t]  = d_out . x[t]                            OUTPUT_DOT
//       de[t] = a[t] (g[t] - sum over u of a[u] g[u])   D_SCORES
//       dx[t] = a[t] d_out + de[t] w                    D_INPUT
//       dw    = sum over rows and t of de[t] x[t]       D_WEIGHTS

#define SCORES 0       // a thread per row and time step
#define SOFTMAX 1      // a thread per row
#define MEAN 2         // a thread per element
#define OUTPUT_DOT 3   // a thread per row and time step
#define D_SCORES 4     // a thread per row
#define D_INPUT 5      // a thread per element
#define D_WEIGHTS 6    // a block per weight; its threads' sums are added in a tree

extern "C" __global__ void __launch_bounds__(THREADS) attention(const __grid_constant__ Arguments a) {
    const unsigned m = blockIdx.z;
    [[maybe_unused]] const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned* lengths = a.lengths + m * a.batch;
    [[maybe_unused]] const float* weight = a.weights + m * a.stride;
    // The model's first row in (M, T, B).
    const size_t first_row = (size_t)m * a.steps * a.batch;
    [[maybe_unused]] const float* x = a.x + first_row * a.width;
#if PASS == SCORES || PASS == OUTPUT_DOT
    if (i >= a.steps * a.batch) {
        return;
    }
    const unsigned b = i % a.batch;
    float sum = 0.0f;
    if (i / a.batch < lengths[b]) {
        const float* with = PASS == SCORES ? weight : a.d_out + ((size_t)m * a.batch + b) * a.width;
        for (unsigned j = 0; j < a.width; j++) {
            sum = fmaf(with[j], x[(size_t)i * a.width + j], sum);
        }
    }
    (PASS == SCORES ? a.attention : a.d_scores)[first_row + i] = sum;
#elif PASS == SOFTMAX
    if (i >= a.batch) {
        return;
    }
    float* e = a.attention + first_row + i;
    float largest = e[0], sum = 0.0f;
    for (unsigned t = 1; t < lengths[i]; t++) {
        largest = e[(size_t)t * a.batch] > largest ? e[(size_t)t * a.batch] : largest;
    }
    for (unsigned t = 0; t < lengths[i]; t++) {
        sum += exp_clamped(e[(size_t)t * a.batch] - largest);
    }
    for (unsigned t = 0; t < lengths[i]; t++) {
        e[(size_t)t * a.batch] = exp_clamped(e[(size_t)t * a.batch] - largest) / sum;
    }
#elif PASS == MEAN
    if (i >= a.batch * a.width) {
        return;
    }
    const unsigned b = i / a.width;
    float sum = 0.0f;
    for (unsigned t = 0; t < lengths[b]; t++) {
        sum = fmaf(a.attention[first_row + (size_t)t * a.batch + b], x[(size_t)t * a.batch * a.width + i], sum);
    }
    a.out[(size_t)m * a.batch * a.width + i] = sum;
#elif PASS == D_SCORES
    if (i >= a.batch) {
        return;
    }
    const float* weights = a.attention + first_row + i;
    float* g = a.d_scores + first_row + i;
    float mean = 0.0f;
    for (unsigned t = 0; t < lengths[i]; t++) {
        mean = fmaf(weights[(size_t)t * a.batch], g[(size_t)t * a.batch], mean);
    }
    for (unsigned t = 0; t < lengths[i]; t++) {
        g[(size_t)t * a.batch] = weights[(size_t)t * a.batch] * (g[(size_t)t * a.batch] - mean);
    }
#elif PASS == D_INPUT
    if (i >= a.steps * a.batch * a.width) {
        return;
    }
    const unsigned j = i % a.width, row = i / a.width, b = row % a.batch;
    float value = 0.0f;
    if (row / a.batch < lengths[b]) {
        const float d_out = a.d_out[((size_t)m * a.batch + b) * a.width + j];
        value = fmaf(a.attention[first_row + row], d_out, a.d_scores[first_row + row] * weight[j]);
    }
    a.dx[first_row * a.width + i] = value;
#else
    SHARED(float, sums, THREADS);
    const unsigned j = blockIdx.x;
    float sum = 0.0f;
    for (unsigned row = threadIdx.x; row < a.steps * a.batch; row += THREADS) {
        if (row / a.batch < lengths[row % a.batch]) {
            sum = fmaf(a.d_scores[first_row + row], x[(size_t)row * a.width + j], sum);
        }
    }
    sums[threadIdx.x] = sum;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            sums[threadIdx.x] += sums[threadIdx.x + half];
        }
    }
    if (threadIdx.x == 0) {
        a.d_weights[m * a.stride + j] = sums[0];
    }
#endif
}
