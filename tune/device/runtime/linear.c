#include "product.c"

struct linear {
    const float *weights;
    const float *bias; /* NULL for none */
    int n_inputs, n_outputs;
};

static void linear(const struct linear *layer, const float *x, float *out)
{
    if (layer->bias != NULL) {
        copy(out, layer->bias, layer->n_outputs);
    } else {
        for (int k = 0; k < layer->n_outputs; k++) {
            out[k] = 0.0f;
        }
    }
    add_product(layer->weights, x, layer->n_inputs, layer->n_outputs, out);
}
