// Clipping by the global norm, then Adam or AdamW (as in torch.optim); a thread per parameter. The weights of
// a model do not change if it is inactive or its norm is not finite. `scalars` (M, 4): learning rate, 1 -
// beta1^n (0 for an inactive model), sqrt(1 - beta2^n), eps.

extern "C" __global__ void __launch_bounds__(THREADS) optimizer_update(const __grid_constant__ Arguments a) {
    const unsigned k = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z;
    const float norm = a.norms[m];
    const float* scalars = a.scalars + 4 * m;
    if (k >= a.params || scalars[1] == 0.0f || !is_finite(norm)) {
        return;
    }
    const size_t i = (size_t)m * a.params + k;
    const float rate = scalars[0];
    float w = a.weights[i];
    float g = a.gradients[i];
    const float clip = a.clip / (norm + 1e-6f);
    g *= clip < 1.0f ? clip : 1.0f;
    if (a.decoupled) {
        w -= rate * a.weight_decay * w;
    } else {
        g += a.weight_decay * w;
    }
    const float first = fmaf(a.beta1, a.first_moment[i], a.rest1 * g);
    const float second = fmaf(a.beta2, a.second_moment[i], a.rest2 * g * g);
    a.first_moment[i] = first;
    a.second_moment[i] = second;
    a.weights[i] = w - rate / scalars[1] * first / (sqrtf(second) / scalars[2] + scalars[3]);
}
