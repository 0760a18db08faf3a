#include "stage.c"

/* Measured values as a ring: step t of the window is row (start + t) % n_rows. */
struct window {
    const float *values;
    int n_rows, start, n_steps;
};

/* How measured channels become what the network is given. */
struct preparation {
    const float *mean, *deviation; /* Of the training, for every channel, measured and derived. */
    int n_measured, n_channels;
    int differences; /* Whether every channel's change since the step before is added. */
    const short *triples; /* First channels of sensors of three axes, whose magnitudes are added. */
    int n_triples;
    int by_instance; /* Whether each sequence's own mean and deviation are used, */
    int globally; /* and whether those of the training stand before, or alone. */
    float *own; /* Mean, then deviation of the sequence. */
    float *out;
};

static const float *measured(const struct preparation *layer, const struct window *window, int t)
{
    return window->values + (window->start + t) % window->n_rows * layer->n_measured;
}

/* The channels of a step, measured and derived, by mean and deviation of the training. */
static void derive(const struct preparation *layer, const struct window *window, int t, float *out)
{
    const float *now = measured(layer, window, t), *before = measured(layer, window, t > 0 ? t - 1 : 0);
    int n = layer->n_measured;
    copy(out, now, n);
    for (int k = 0; layer->differences && k < layer->n_measured; k++) {
        out[n++] = now[k] - before[k];
    }
    for (int k = 0; k < layer->n_triples; k++) {
        const float *axes = now + layer->triples[k];
        out[n++] = sqrtf(axes[0] * axes[0] + axes[1] * axes[1] + axes[2] * axes[2]);
    }
    for (int k = 0; k < n; k++) {
        out[k] = (out[k] - layer->mean[k]) / layer->deviation[k];
    }
}

static void measure_own(const struct preparation *layer, const struct window *window)
{
    const int n = layer->n_channels;
    float *mean = layer->own, *deviation = layer->own + n;
    memset(layer->own, 0, 2 * (size_t)n * sizeof *layer->own);
    for (int t = 0; t < window->n_steps; t++) {
        derive(layer, window, t, layer->out);
        for (int k = 0; k < n; k++) {
            mean[k] += layer->out[k] / (float)window->n_steps;
        }
    }
    for (int t = 0; t < window->n_steps; t++) {
        derive(layer, window, t, layer->out);
        for (int k = 0; k < n; k++) {
            const float centred = layer->out[k] - mean[k];
            deviation[k] += centred * centred / (float)window->n_steps;
        }
    }
    for (int k = 0; k < n; k++) {
        /* What hardly varies carries no shape, and dividing by less would amplify rounding. */
        deviation[k] = fmaxf(sqrtf(deviation[k]), SMALLEST_DEVIATION);
    }
}

static void classify(const struct preparation *layer, const struct stage *first, const struct window *window)
{
    const int n = layer->n_channels;
    if (layer->by_instance) {
        measure_own(layer, window);
    }
    for (int t = 0; t < window->n_steps; t++) {
        derive(layer, window, t, layer->out);
        for (int k = 0; layer->by_instance && k < n; k++) {
            layer->out[layer->globally ? n + k : k] = (layer->out[k] - layer->own[k]) / layer->own[n + k];
        }
        first->push(first, layer->out, t, window->n_steps);
    }
}
