/* Reads samples from standard input, a line each, and prints what is decided: step, class, probability. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_sample(const char *line, float *sample)
{
    for (int k = 0; k < MODEL_N_CHANNELS; k++) {
        char *end;
        line += strspn(line, ",;|\t ");
        sample[k] = strtof(line, &end);
        if (end == line) {
            return 0;
        }
        line = end;
    }
    return line[strspn(line, ",;|\t\r\n ")] == '\0';
}

static void print(long step, const float *probabilities)
{
    const int decided = model_decision(probabilities);
    const char *name = model_class_names[decided];
    const int quoted = strpbrk(name, ",\"\r\n") != NULL; /* As CSV has it. */
    printf("%ld,%s", step, quoted ? "\"" : "");
    for (; *name != '\0'; name++) {
        printf(*name == '"' ? "\"%c" : "%c", *name);
    }
    printf("%s,%.4f\n", quoted ? "\"" : "", (double)probabilities[decided]);
    fflush(stdout);
}

int main(void)
{
    static char line[65536];
    static float sample[MODEL_N_CHANNELS], probabilities[MODEL_N_CLASSES];
    long step = 0, number = 0;
    printf("step,class,probability\n");
    while (fgets(line, sizeof line, stdin) != NULL) {
        number++;
        if (line[strspn(line, " \t\r\n")] == '\0') {
            continue;
        }
        if (!read_sample(line, sample)) {
            if (number == 1) {
                continue; /* names of the columns */
            }
            fprintf(stderr, "line %ld is not %d numbers\n", number, MODEL_N_CHANNELS);
            return 1;
        }
        step++;
        if (model_push(sample, probabilities)) {
            print(step, probabilities);
        }
    }
    if (model_finish(probabilities)) {
        print(step, probabilities);
    } else if (step < MODEL_FEWEST_STEPS) {
        fprintf(stderr, "%ld samples are too few: at least %d are needed\n", step, MODEL_FEWEST_STEPS);
        return 1;
    }
    return 0;
}
