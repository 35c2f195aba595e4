#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// DNS messages (RFC 1035, RFC 6891) as the resolver needs them. Whatever comes in is hostile.
namespace gantry::networks::dns {

enum class Type : std::uint16_t { a = 1, ptr = 12, aaaa = 28, opt = 41 };
enum class Rcode : std::uint8_t { no_error = 0, format_error = 1, server_failure = 2, name_error = 3, refused = 5 };

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

/// A query with one question of class IN.
struct Query {
  std::uint16_t id{};
  bool recursion_desired{};
  std::string name;  ///< Lower case, without the last dot; dots inside of labels make it invalid.
  std::uint16_t type{};
  std::size_t question_end{};  ///< Behind the question.
  std::size_t udp_limit{512};  ///< What the client takes in one datagram (RFC 6891).
};

/// Nothing if it is no query that can be answered.
std::optional<Query> parse_query(View message);

/// The id, if the message is long enough to have one: for answers to what cannot be parsed.
std::optional<std::uint16_t> parse_id(View message);

/// Whether `answer` is an answer to `query`: the same id and the same question.
bool answers(View answer, View query);

bool is_truncated(View answer);

/// A server failure if the message is too short to say.
Rcode rcode(View answer);

/// An answer of ours. `addresses` are in text form, of the family that the question's type names.
Bytes address_answer(View query, const Query& parsed, const std::vector<std::string>& addresses);
Bytes pointer_answer(View query, const Query& parsed, const std::string& name);

/// An answer without records.
Bytes empty_answer(View query, const Query& parsed, Rcode code);

/// For a message whose question cannot be read.
Bytes bare_error(std::uint16_t id, Rcode code);

/// The answer as it fits into a datagram of `limit` bytes: cut down to its question with the truncation bit if need be.
Bytes fit(Bytes answer, std::size_t question_end, std::size_t limit);

/// The address that a PTR name asks for ("2.0.17.172.in-addr.arpa"); nothing for other names.
std::optional<std::string> reverse_address(std::string_view name);

}  // namespace gantry::networks::dns
