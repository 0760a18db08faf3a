#include "linear.c"

/* The last layer: logits. */
struct head {
    const struct linear *map;
    float *logits;
};

static void push_head(const struct stage *stage, const float *x, int i, int n)
{
    const struct head *layer = stage->layer;
    (void)i, (void)n;
    linear(layer->map, x, layer->logits);
}
