#pragma once

#include <string>

namespace gantry::bridge {

/// What `nft list chains` says of other tables, as a warning: those that drop what is forwarded unless a rule of theirs
/// takes it, ours included, and how an operator lets bridges through. In nftables no table overrules another's drop.
/// Empty: there are none.
std::string warn_of_drops(const std::string& chains);

}  // namespace gantry::bridge
