#include "product.c"

/* What is kept of a step that goes into a matrix later. */
typedef signed char kept;

static void keep(const struct product *product, const float *x, kept *row)
{
    to_bytes(product, x, row);
}

static inline void add_kept(const struct product *product, const kept *row, float *out)
{
    add_bytes(product, row, out);
}

/* A step as it was before it was kept, but for rounding. */
static inline void load(const struct product *product, const kept *row, float *out)
{
    const float scale = 1.0f / product->inverse;
    for (int k = 0; k < product->n_inputs; k++) {
        out[k] = (float)row[k] * scale;
    }
}
