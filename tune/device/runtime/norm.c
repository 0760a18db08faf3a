#include "stage.c"

/* Layer norm (Ba et al. 2016). */
struct norm {
    const float *scale, *shift;
    int n_features;
    float epsilon;
};

/* May be in place. */
static void layer_norm(const struct norm *norm, const float *x, float *out)
{
    const int n = norm->n_features;
    float mean = 0.0f, variance = 0.0f, inverse;
    for (int k = 0; k < n; k++) {
        mean += x[k];
    }
    mean /= (float)n;
    for (int k = 0; k < n; k++) {
        variance += (x[k] - mean) * (x[k] - mean);
    }
    inverse = 1.0f / sqrtf(variance / (float)n + norm->epsilon);
    for (int k = 0; k < n; k++) {
        out[k] = (x[k] - mean) * inverse * norm->scale[k] + norm->shift[k];
    }
}
