#include "routes.hpp"

#include <algorithm>

#include "gantry/error.hpp"
#include "name_prefix.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;
using gantry::registry::v1::Repository;

}  // namespace

Routes::Routes(const std::vector<std::string>& rewrites, const std::vector<std::string>& blocks) {
  for (const std::string& item : rewrites) {
    const auto equals = item.find('=');
    Rule rule{item.substr(0, equals), equals == std::string::npos ? "" : item.substr(equals + 1)};
    check_prefix(rule.prefix, "registry-rewrites");
    check_prefix(rule.target, "registry-rewrites");
    rules_.push_back(std::move(rule));
  }
  for (const std::string& prefix : blocks) {
    check_prefix(prefix, "registry-blocks");
    rules_.push_back({prefix, ""});
  }
  // Of two for the same prefix the block counts.
  std::sort(rules_.begin(), rules_.end(), [](const Rule& one, const Rule& other) {
    if (one.prefix.size() != other.prefix.size()) return one.prefix.size() > other.prefix.size();
    return one.target.empty() && !other.target.empty();
  });
}

const Routes::Rule* Routes::find(const std::string& name) const {
  const auto found =
      std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) { return has_prefix(name, rule.prefix); });
  return found == rules_.end() ? nullptr : &*found;
}

Repository Routes::resolve(const Repository& repository) const {
  const std::string name = repository.host + "/" + repository.path;
  const Rule* rule = find(name);
  if (rule == nullptr) return repository;
  if (rule->target.empty()) {
    throw Error{Errc::denied,
                name + " is blocked by this host's configuration (registry-blocks: " + rule->prefix + ")"};
  }
  const std::string real = rule->target + name.substr(rule->prefix.size());
  const auto slash = real.find('/');
  if (slash == std::string::npos) {
    throw Error{Errc::invalid, name + " is rewritten to " + real +
                                   ", which names no repository (registry-rewrites: " + rule->prefix + ")"};
  }
  Repository moved = repository;
  moved.host = real.substr(0, slash);
  moved.path = real.substr(slash + 1);
  return moved;
}

void Routes::check_host(const std::string& host) const {
  const Rule* rule = find(host);
  if (rule == nullptr || !rule->target.empty()) return;
  throw Error{Errc::denied, host + " is blocked by this host's configuration (registry-blocks: " + rule->prefix + ")"};
}

}  // namespace hub
