#include "containers/names.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

constexpr std::array<std::string_view, 96> kAdjectives{
    "able",   "agile",  "airy",   "alert",  "amber",   "ample",  "apt",    "azure",  "balmy",   "bold",   "brave",
    "bright", "brisk",  "bubbly", "calm",   "candid",  "civil",  "clear",  "clever", "cosy",    "crisp",  "daring",
    "dapper", "deft",   "dreamy", "eager",  "earnest", "easy",   "fair",   "famous", "fancy",   "fine",   "fleet",
    "fond",   "frank",  "free",   "fresh",  "gentle",  "glad",   "golden", "good",   "grand",   "happy",  "hardy",
    "hearty", "honest", "humble", "ideal",  "jolly",   "jovial", "keen",   "kind",   "lively",  "loyal",  "lucid",
    "lucky",  "mellow", "merry",  "mild",   "modest",  "neat",   "nimble", "noble",  "patient", "placid", "plucky",
    "polite", "prime",  "proud",  "quick",  "quiet",   "rapid",  "ready",  "rosy",   "serene",  "sharp",  "shiny",
    "silent", "sleek",  "smart",  "snug",   "solid",   "sound",  "spry",   "steady", "stoic",   "sunny",  "swift",
    "tender", "tidy",   "trusty", "upbeat", "vivid",   "warm",   "witty",  "zesty"};

constexpr std::array<std::string_view, 96> kSurnames{
    "abel",      "agnesi",   "allen",     "ampere",      "archimedes",   "babbage",  "bardeen",   "bell",
    "bernoulli", "bohr",     "boole",     "bose",        "brahe",        "cantor",   "carson",    "cauchy",
    "cerf",      "church",   "conway",    "copernicus",  "curie",        "dalton",   "darwin",    "descartes",
    "dijkstra",  "dirac",    "edison",    "einstein",    "engelbart",    "erdos",    "euclid",    "euler",
    "faraday",   "fermat",   "fermi",     "feynman",     "fourier",      "franklin", "galileo",   "galois",
    "gauss",     "germain",  "godel",     "goodall",     "hamilton",     "hawking",  "heaviside", "hermite",
    "hertz",     "hilbert",  "hoare",     "hopper",      "hubble",       "huygens",  "hypatia",   "jacobi",
    "joule",     "kepler",   "khayyam",   "knuth",       "kovalevskaya", "lagrange", "lamarr",    "laplace",
    "leavitt",   "leibniz",  "liskov",    "lovelace",    "maxwell",      "mccarthy", "meitner",   "mendel",
    "napier",    "nash",     "newton",    "nightingale", "noether",      "pascal",   "pasteur",   "peano",
    "planck",    "poincare", "ramanujan", "riemann",     "ritchie",      "rubin",    "shannon",   "somerville",
    "tesla",     "thompson", "turing",    "volta",       "watt",         "wiles",    "wozniak",   "yalow"};

// dockerd knows no limit; each listing tells the name.
constexpr std::size_t kLongestName = 4096;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

void throw_invalid_name(const std::string& name) {
  throw Error{Errc::invalid, "Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"};
}

bool is_valid_name(std::string_view name) noexcept {
  if (name.size() < 2 || name.size() > kLongestName || !is_alphanumeric(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

std::string random_name() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<std::size_t> first{0, kAdjectives.size() - 1};
  std::uniform_int_distribution<std::size_t> second{0, kSurnames.size() - 1};
  return std::string(kAdjectives[first(random)]) + "_" + std::string(kSurnames[second(random)]);
}

}  // namespace gantry::containers
