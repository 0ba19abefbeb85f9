/* A fuzz target without the fuzzer: every file named once, as an input. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate (uint8_t *data, size_t size, size_t max);

size_t LLVMFuzzerMutate (uint8_t *data, size_t size, size_t max) {
  (void)data;
  return size < max ? size : max;
}


int main (int argc, char **argv) {
  static uint8_t input[1 << 20];
  int i;
  for (i = 1; i < argc; i++) {
    FILE *f = fopen(argv[i], "rb");
    if (f == NULL)
      return 2;
    LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof(input), f));
    fclose(f);
  }
  printf("%d inputs\n", argc - 1);
  return 0;
}
