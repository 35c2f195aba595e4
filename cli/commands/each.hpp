#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.hpp"

namespace gantry::cli {

/// Does `act` with each name and prints the name; a failure is printed at the end and does not keep the others from
/// their turn. Gives the exit code. `silent`: without the names.
int for_each_name(const std::vector<std::string>& names, const std::function<void(const std::string&)>& act,
                  bool silent = false);

/// The same by requests without a body, up to 50 of them under way at a time, as docker's own. `forgiven`: failures
/// that are told but leave the exit code alone.
int ask_for_each_name(Client& client, std::string_view method, const std::vector<std::string>& names,
                      const std::function<std::string(const std::string&)>& path,
                      const std::function<bool(const DaemonError&)>& forgiven = {});

}  // namespace gantry::cli
