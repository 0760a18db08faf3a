#include "product.c"

/* What is kept of a step that goes into a matrix later. */
typedef signed char kept;

static void keep(const struct product *product, const float *x, kept *row)
{
    to_bytes(product, x, row);
}

static void add_kept(const struct product *product, const kept *row, float *out)
{
    add_bytes(product, row, out);
}
