#include "foreign_rules.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

namespace gantry::bridge {
namespace {

/// Its forward chain has the policy accept, and rejects at its end what is of no zone that it knows.
constexpr const char* kFirewalld = "inet firewalld";

struct Chain {
  std::string table;
  std::string name;
  bool forwards{};
  bool drops{};
};

std::vector<Chain> parse(const std::string& chains) {
  std::vector<Chain> all;
  std::string table;
  std::istringstream lines(chains);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "table") {
      std::string family;
      words >> family >> table;
      table = family + " " + table;
    } else if (first == "chain") {
      all.push_back({table, {}, false, false});
      words >> all.back().name;
    } else if (first == "type" && !all.empty()) {
      all.back().forwards = line.find(" hook forward ") != std::string::npos;
      all.back().drops = line.find("policy drop;") != std::string::npos;
    }
  }
  return all;
}

bool is_in_the_way(const Chain& chain) {
  // Frames of a device or a bridge are dropped by rules of another kind.
  const bool routed =
      chain.table.starts_with("ip ") || chain.table.starts_with("ip6 ") || chain.table.starts_with("inet ");
  if (!routed || !chain.forwards || chain.table == "inet gantry") return false;
  // While firewalld is reloaded it has a table beside its own.
  if (chain.table.starts_with("inet firewalld_")) return false;
  return chain.drops || chain.table == kFirewalld;
}

std::string remedy(const Chain& chain, const std::vector<Chain>& all) {
  if (chain.table == kFirewalld) return "firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE";
  const bool ufw = std::any_of(all.begin(), all.end(), [](const Chain& one) { return one.name == "ufw-user-forward"; });
  if (ufw) return "ufw route allow in on BRIDGE, ufw route allow out on BRIDGE";
  return "nft insert rule " + chain.table + " " + chain.name + " iifname BRIDGE accept, and the same with oifname";
}

}  // namespace

std::string warn_of_drops(const std::string& chains) {
  const std::vector<Chain> all = parse(chains);
  std::string text;
  for (const Chain& chain : all) {
    if (!is_in_the_way(chain)) continue;
    text += (text.empty() ? "" : "; ") + chain.table + " " + chain.name + ": " + remedy(chain, all);
  }
  if (text.empty()) return {};
  return "other rules of this host drop what is forwarded, containers' packets included, until they let the bridges "
         "through (" +
         text + ")";
}

}  // namespace gantry::bridge
