// Attention over time, (M, T, B, D) to (M, B, D), and back. PASS says which part: each is a launch, since the next one needs all of
// the last one's numbers.

#define SCORES 0       // e[t] = w . x[t]; a thread per row and step
#define SOFTMAX 1      // a = softmax(e) over the row's steps; a thread per row
#define MEAN 2         // out = sum over t of a[t] x[t]; a thread per number
#define PRODUCTS 3     // g[t] = d_out . x[t]; a thread per row and step
#define D_SCORES 4     // de[t] = a[t] (g[t] - sum over u of a[u] g[u]); a thread per row
#define D_INPUT 5      // dx[t] = a[t] d_out + de[t] w; a thread per number
#define D_WEIGHTS 6    // dw = sum over rows and t of de[t] x[t]; a block per weight, its threads added up as a tree

extern "C" __global__ void __launch_bounds__(THREADS) attention(const __grid_constant__ Arguments a) {
    const unsigned m = blockIdx.z;
    [[maybe_unused]] const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned* lengths = a.lengths + m * a.batch;
    [[maybe_unused]] const float* weight = a.weights + m * a.stride;
    // Of the model in (M, T, B), and in x.
    const size_t place = (size_t)m * a.steps * a.batch;
    [[maybe_unused]] const float* x = a.x + place * a.width;
#if PASS == SCORES || PASS == PRODUCTS
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
    (PASS == SCORES ? a.attention : a.d_scores)[place + i] = sum;
#elif PASS == SOFTMAX
    if (i >= a.batch) {
        return;
    }
    float* e = a.attention + place + i;
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
        sum = fmaf(a.attention[place + (size_t)t * a.batch + b], x[(size_t)t * a.batch * a.width + i], sum);
    }
    a.out[(size_t)m * a.batch * a.width + i] = sum;
#elif PASS == D_SCORES
    if (i >= a.batch) {
        return;
    }
    const float* weights = a.attention + place + i;
    float* g = a.d_scores + place + i;
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
        value = fmaf(a.attention[place + row], d_out, a.d_scores[place + row] * weight[j]);
    }
    a.dx[place * a.width + i] = value;
#else
    SHARED(float, sums, THREADS);
    const unsigned j = blockIdx.x;
    float sum = 0.0f;
    for (unsigned row = threadIdx.x; row < a.steps * a.batch; row += THREADS) {
        if (row / a.batch < lengths[row % a.batch]) {
            sum = fmaf(a.d_scores[place + row], x[(size_t)row * a.width + j], sum);
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
