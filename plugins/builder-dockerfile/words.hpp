#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::dockerfile {

/// Splits at blanks, keeping quotes and escapes: what ENV, LABEL and ARG are made of.
std::vector<std::string> quoted_words(std::string_view text, char escape);

/// A variable's value; none if it is not set.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;

/// Removes quotes and replaces variables: $x, ${x}, ${x:-y} ${x-y} ${x:+y} ${x+y} ${x:?y} ${x?y}, ${x#y} ${x##y} ${x%y}
/// ${x%%y}, ${x/y/z} ${x//y/z}. What comes out is no longer than an instruction may be. `cost`: grows by how much was
/// done, in bytes that were made or compared. Errors: invalid, in dockerd's words.
std::string expand(std::string_view word, char escape, const Variables& variables, std::size_t* cost = nullptr);

/// The same for several words in one: splits at blanks that are outside of quotes, in what variables bring too.
std::vector<std::string> expand_words(std::string_view text, char escape, const Variables& variables,
                                      std::size_t* cost = nullptr);

/// Only variables; quotes stay: for the content of here-documents.
std::string expand_raw(std::string_view text, char escape, const Variables& variables, std::size_t* cost = nullptr);

}  // namespace gantry::dockerfile
