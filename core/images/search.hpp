#pragma once

#include <optional>
#include <string>
#include <vector>

#include "images/context.hpp"

namespace gantry::images {

/// Which of an index's answers are wanted.
class SearchFilter {
 public:
  /// Errors: invalid, in dockerd's words.
  explicit SearchFilter(const Filters& filters);

  [[nodiscard]] bool takes(const registry::v1::SearchResult& result) const;
  /// Images that a registry builds by itself are asked for: there are none any more.
  [[nodiscard]] bool takes_nothing() const { return automated_; }

 private:
  std::optional<bool> official_;
  std::int64_t stars_{};
  bool automated_{};
};

/// Asks the index of the registry that `term` begins with, else Docker Hub's.
/// Errors: invalid (the term), and those of the registry.
awaitable<std::vector<wire::ImageSearchItem>> search_index(Context& context, std::string term, int limit,
                                                           SearchFilter filter, registry::v1::Credentials credentials);

}  // namespace gantry::images
