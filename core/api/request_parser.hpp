#pragma once

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::api {

namespace http = boost::beast::http;

/// Reads a request. Beast's own container of fields takes at most 64 KB for each of them, and the credentials for some
/// registries are longer: long fields are kept here, but for those that say where the request ends.
class RequestParser final : public http::request_parser<http::buffer_body> {
 public:
  /// The first of this name.
  [[nodiscard]] std::optional<std::string> field(std::string_view name) const;

  /// Gives back the memory of all fields but those that say where the request ends. Answers how many bytes of the
  /// header are kept.
  std::size_t forget();

 private:
  /// Errors: header_limit, of too many fields or one that is too long.
  void on_field_impl(http::field known, boost::beast::string_view name, boost::beast::string_view value,
                     boost::beast::error_code& failed) override;

  std::size_t count_{};
  std::vector<std::pair<std::string, std::string>> long_;  ///< The first of their names.
};

}  // namespace gantry::api
