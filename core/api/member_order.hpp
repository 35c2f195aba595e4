#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "api/exchange.hpp"

namespace gantry::api {

/// Docker's orders of members, in which people are used to read them: those of an object and of what is in it, as no
/// name has two places. What has no place follows, sorted.
using MemberOrder = std::initializer_list<std::string_view>;

extern const MemberOrder kNetworkOrder;
extern const MemberOrder kImageOrder;
extern const MemberOrder kDiskUsageOrder;

/// An answer whose members come in an order.
Response json_in_order(const nlohmann::json& body, MemberOrder order);

}  // namespace gantry::api
