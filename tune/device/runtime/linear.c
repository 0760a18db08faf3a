#include "product.c"

struct linear {
    const struct product *product;
    const float *bias; /* NULL for none */
};

/* The bias, before anything is multiplied. */
static void start(const struct linear *layer, float *out)
{
    const int n_outputs = layer->product->n_outputs;
    if (layer->bias != NULL) {
        copy(out, layer->bias, n_outputs);
    } else {
        memset(out, 0, (size_t)n_outputs * sizeof *out);
    }
}

static void linear(const struct linear *layer, const float *x, float *out)
{
    start(layer, out);
    add_product(layer->product, x, out);
}
