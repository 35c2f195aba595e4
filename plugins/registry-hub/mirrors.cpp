#include "mirrors.hpp"

#include <algorithm>

#include "gantry/error.hpp"
#include "name_prefix.hpp"

namespace hub {
namespace {

using gantry::registry::v1::Repository;

constexpr const char* kDockerHub = "docker.io";

std::string without_slashes(const std::string& path) {
  const auto begin = path.find_first_not_of('/');
  return begin == std::string::npos ? "" : path.substr(begin, path.find_last_not_of('/') + 1 - begin);
}

}  // namespace

Mirrors::Mirrors(const std::vector<std::string>& items) {
  for (const std::string& item : items) {
    const auto equals = item.substr(0, item.find("://")).find('=');
    const bool named = equals != std::string::npos;
    Mirror mirror{named ? item.substr(0, equals) : kDockerHub, parse_url(named ? item.substr(equals + 1) : item), ""};
    check_prefix(mirror.prefix, "registry-mirrors");
    const std::string path = without_slashes(mirror.base.target);
    // dockerd's mirrors of the Hub have their path before "/v2/".
    mirror.base.target = named || path.empty() ? "/v2/" : "/" + path + "/v2/";
    if (named) mirror.path = path;
    mirrors_.push_back(std::move(mirror));
  }
  std::stable_sort(mirrors_.begin(), mirrors_.end(),
                   [](const Mirror& one, const Mirror& other) { return one.prefix.size() > other.prefix.size(); });
}

std::vector<Mirrors::Place> Mirrors::of(const Repository& repository) const {
  const std::string name = repository.host + "/" + repository.path;
  std::vector<Place> places;
  const Mirror* first = nullptr;
  for (const Mirror& mirror : mirrors_) {
    if (first == nullptr ? !has_prefix(name, mirror.prefix) : mirror.prefix != first->prefix) continue;
    first = &mirror;
    std::string path = mirror.path + name.substr(mirror.prefix.size());
    path.erase(0, path.find_first_not_of('/'));
    if (path.empty()) continue;
    places.push_back({mirror.base, repository});
    places.back().repository.host = mirror.base.authority();
    places.back().repository.path = path;
  }
  return places;
}

}  // namespace hub
