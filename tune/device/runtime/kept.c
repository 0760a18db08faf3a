#include "product.c"

/* What is kept of a step that goes into a matrix later. */
typedef float kept;

static void keep(const struct product *product, const float *x, kept *row)
{
    copy(row, x, product->n_inputs);
}

static inline void add_kept(const struct product *product, const kept *row, float *out)
{
    add_product(product, row, out);
}

/* A step as it was before it was kept. */
static inline void load(const struct product *product, const kept *row, float *out)
{
    copy(out, row, product->n_inputs);
}
