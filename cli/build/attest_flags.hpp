#pragma once

#include <string>
#include <vector>

#include "client/client.hpp"

namespace gantry::cli {

/// What --attest, --provenance and --sbom ask for.
struct AttestFlags {
  std::string provenance;  ///< "min" or "max"; empty: none.
  std::string builder;
  bool reproducible = false;
  bool sbom = false;
};

/// Whether a word after "--provenance" or "--sbom" is its value: buildx has no such flag without one.
bool is_attest_value(const std::string& word);

/// `attests` as "type=provenance,mode=max"; the others as "true", "false", "mode=max"; empty: not given. Throws Failure
/// in buildx's words.
AttestFlags parse_attest(const std::vector<std::string>& attests, const std::string& provenance,
                         const std::string& sbom);

/// The parameters of the request.
void add_attest(Query& query, const AttestFlags& flags, const std::vector<std::string>& subjects);

}  // namespace gantry::cli
