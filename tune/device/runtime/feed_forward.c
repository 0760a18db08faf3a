#include "linear.c"
#include "norm.c"

/* Layer norm, a wide layer with GELU (Hendrycks & Gimpel 2016), and what went in is added. */
struct feed_forward {
    const struct norm *norm;
    const struct linear *wide, *narrow;
    float *normalised, *hidden, *out;
};

static void push_feed_forward(const struct stage *stage, const float *x, int i, int n)
{
    const struct feed_forward *layer = stage->layer;
    layer_norm(layer->norm, x, layer->normalised);
    linear(layer->wide, layer->normalised, layer->hidden);
    for (int k = 0; k < layer->wide->product->n_outputs; k++) {
        const float value = layer->hidden[k];
        layer->hidden[k] = 0.5f * value * (1.0f + erff(value * 0.70710678f));
    }
    linear(layer->narrow, layer->hidden, layer->out);
    for (int k = 0; k < layer->narrow->product->n_outputs; k++) {
        layer->out[k] += x[k];
    }
    pass_on(stage, layer->out, i, n);
}
