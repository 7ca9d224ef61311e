/* Which arithmetic the ranks of a job agree on. */
#include <string.h>

#include "cluster/agree_arithmetic.h"
#include "tests/tap.h"

#define AMX "bf16-amx\nbf16-avx512\nfp32\nfp32-blas\n"
#define BF16 "bf16-avx512\nfp32\nfp32-blas\n"
#define AVX2 "fp32\nfp32-blas\n"

int main(void)
{
    static const struct {
        const char *lists[4];
        size_t n;
        const char *want, *about;
    } row[] = {
        { { AMX }, 1, "bf16-amx", "one rank has its best" },
        { { AMX, AMX, AMX }, 3, "bf16-amx", "so have equal ones" },
        { { AMX, BF16, AMX }, 3, "bf16-avx512", "the best that all can do" },
        { { BF16, AMX }, 2, "bf16-avx512", "whoever is the first" },
        { { AMX, BF16, AVX2, AMX }, 4, "fp32", "down to the last common one" },
        { { AMX, "", BF16 }, 3, "bf16-avx512", "who has nothing has no say" },
        { { AMX, NULL, BF16 }, 3, "bf16-avx512", "nor who is not heard of" },
        { { "fp32\n", AMX }, 2, "fp32", "a resume offers what the store has" },
        { { "int8\n", AVX2 }, 2, "int8", "nothing in common: the first's" },
        { { "fp32\n", "fp32-blas\n" }, 2, "fp32", "names count as a whole" },
        { { "fp32-blas\nfp32-x\n", "fp32\n" }, 2, "fp32-blas", "both ways" },
        { { "fp32\n", "bf16-avx512\nfp32" }, 2, "fp32", "the last has no end" },
        { { "", AMX }, 2, "", "a first rank without any" },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        char out[REAP_ARITHMETIC_MAX];

        reap_agree_arithmetic_choose(row[i].lists, row[i].n, out);
        ok(!strcmp(out, row[i].want), "%s: %s", row[i].about, out);
    }
    return done();
}
