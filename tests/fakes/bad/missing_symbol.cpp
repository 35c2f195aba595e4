// A shared object like any other, which says so if somebody runs it.
#include <unistd.h>

namespace {

struct Loaded {
  Loaded() { ::_exit(99); }
} loaded;

}  // namespace

extern "C" int something_else() { return 1; }
