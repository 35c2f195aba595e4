#include "build/cache_flags.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "build/file_outputs.hpp"
#include "build/layout_images.hpp"
#include "build/outputs.hpp"
#include "command/failure.hpp"
#include "commands/commands.hpp"
#include "parse/text.hpp"

namespace gantry::cli {
namespace {

using Fields = std::map<std::string, std::string>;

/// What is left of the fields is nothing that is known here.
void refuse_unknown(const std::string& flag, const std::string& type, const Fields& left,
                    const std::set<std::string>& known) {
  for (const auto& [name, value] : left) {
    if (known.contains(name)) continue;
    throw Failure(flag + ": type=" + type + " has no attribute \"" + name + "\": use " +
                  listed({known.begin(), known.end()}));
  }
}

CacheFlag parse(const std::string& flag, const std::string& text, const std::string& directory,
                std::set<std::string> known) {
  CacheFlag out;
  // As it has always been: a name alone is one of an image.
  if (text.find('=') == std::string::npos) {
    out = {"registry", text};
    out.is_bare = true;
    return out;
  }
  Fields fields = csv_pairs(text);
  out.type = fields["type"];
  const bool is_local = out.type == "local";
  if (!is_local && out.type != "registry" && out.type != "inline") {
    throw Failure(flag + ": type \"" + out.type + "\" is not supported: use registry, local or inline");
  }
  known.insert("type");
  if (out.type != "inline") known.insert(is_local ? directory : "ref");
  refuse_unknown(flag, out.type, fields, known);
  if (out.type != "inline") out.place = fields[is_local ? directory : "ref"];
  if (out.type != "inline" && out.place.empty()) {
    throw Failure(flag + ": type=" + out.type + " needs " + (is_local ? directory : "ref"));
  }
  const std::string mode = fields["mode"];
  if (!mode.empty() && mode != "min" && mode != "max") {
    throw Failure(flag + ": unknown mode \"" + mode + "\": use min or max");
  }
  out.every_stage = mode == "max";
  if (out.every_stage && out.type == "inline") {
    throw Failure(flag +
                  ": what goes with the image is its own history: type=inline has no mode=max; use registry or local");
  }
  if (const auto found = fields.find("ignore-error"); found != fields.end()) {
    out.ignores_failure = parse_truth(flag, found->first, found->second);
  }
  out.attributes = std::move(fields);
  return out;
}

void send_to(Context& context, const CacheFlag& target, const Built& built) {
  const auto others = target.every_stage ? built.stages : std::vector<std::string>{};
  if (target.type == "registry")
    push_as(context, built.id, {target.place, built.form.is_plain(), others}, STDERR_FILENO);
  if (target.type != "local") return;
  std::vector<std::string> all{built.id};
  all.insert(all.end(), others.begin(), others.end());
  save_layout(context, all, target.place);
}

}  // namespace

CacheFlag parse_cache_source(const std::string& text) { return parse("--cache-from", text, "src", {}); }

CacheFlag parse_cache_target(const std::string& text) {
  return parse("--cache-to", text, "dest",
               {"mode", "ignore-error", "oci-mediatypes", "image-manifest", "compression", "compression-level",
                "force-compression"});
}

std::vector<std::string> bring_caches(Context& context, const std::vector<std::string>& flags,
                                      const std::string& platform) {
  std::vector<std::string> out;
  for (const std::string& flag : flags) {
    const CacheFlag cache = parse_cache_source(flag);
    // One of a name alone is the daemon's, as with Docker; it is not fetched.
    if (cache.is_bare) out.push_back(cache.place);
    try {
      std::vector<std::string> ids;
      if (cache.type == "local") ids = load_layout(context, cache.place);
      if (cache.type == "registry" && !cache.is_bare) ids = pull_every(context, cache.place, platform);
      out.insert(out.end(), ids.begin(), ids.end());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "WARNING: the cache %s cannot be used: %s\n", cache.place.c_str(), error.what());
    }
  }
  return out;
}

CacheTargets::CacheTargets(const std::vector<std::string>& flags) {
  std::transform(flags.begin(), flags.end(), std::back_inserter(targets_), parse_cache_target);
}

bool CacheTargets::wants_every_stage() const {
  return std::any_of(targets_.begin(), targets_.end(), [](const CacheFlag& target) { return target.every_stage; });
}

void CacheTargets::add_to(LayerForm& form) const {
  for (const CacheFlag& target : targets_) form.take("--cache-to", target.attributes);
}

void CacheTargets::send(Context& context, const Built& built) const {
  for (const CacheFlag& target : targets_) {
    try {
      send_to(context, target, built);
    } catch (const std::exception& error) {
      if (!target.ignores_failure) throw;
      std::fprintf(stderr, "WARNING: the cache was not left in %s: %s\n", target.place.c_str(), error.what());
    }
  }
}

}  // namespace gantry::cli
