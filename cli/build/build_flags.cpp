#include "build/build_flags.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "build/annotation_flags.hpp"
#include "build/attest_flags.hpp"
#include "command/failure.hpp"
#include "parse/environment.hpp"
#include "parse/network.hpp"
#include "parse/quantity.hpp"
#include "parse/reference.hpp"
#include "parse/resource.hpp"
#include "parse/text.hpp"

namespace gantry::cli {
namespace {

/// A name alone takes its value from the environment; if there is none, the Dockerfile's default holds.
Json argument_json(const std::vector<std::string>& arguments) {
  Json out = Json::object();
  for (const std::string& argument : arguments) {
    const auto equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const char* value = std::getenv(name.c_str());
    if (equals != std::string::npos) {
      out[name] = argument.substr(equals + 1);
    } else {
      out[name] = value == nullptr ? Json(nullptr) : Json(value);
    }
  }
  // As buildx does.
  const char* date = std::getenv("SOURCE_DATE_EPOCH");
  if (date != nullptr && !out.contains("SOURCE_DATE_EPOCH")) out["SOURCE_DATE_EPOCH"] = date;
  return out;
}

Json label_json(const std::vector<std::string>& labels) {
  Json out = Json::object();
  for (const std::string& label : labels) {
    const auto equals = label.find('=');
    out[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  return out;
}

}  // namespace

bool BuildFlags::has_local_contexts() const {
  return std::any_of(contexts.begin(), contexts.end(), [](const std::string& context) {
    const std::string place = context.substr(context.find('=') + 1);
    return place.find("://") == std::string::npos && !place.starts_with("git@");
  });
}

void BuildFlags::declare(Flags& flags) {
  const auto bytes = [](std::int64_t& into) { return [&into](const std::string& text) { into = parse_bytes(text); }; };
  flags
      .custom("add-host", "list", "Add a custom host-to-IP mapping (\"host:ip\")",
              [this](const std::string& text) { hosts.push_back(parse_extra_host(text)); })
      .custom("build-arg", "list", "Set build-time variables",
              [this](const std::string& text) {
                parse_env(text);  // has a name
                arguments.push_back(text);
              })
      .list("allow", entitlements, "Allow extra privileged entitlement (e.g., \"network.host\", \"security.insecure\")")
      .list("cache-from", cache_from,
            "External cache sources (e.g., \"user/app:cache\", \"type=local,src=path/to/dir\")")
      .text("cgroup-parent", cgroup_parent, "Set the parent cgroup for the \"RUN\" instructions during build")
      .integer("cpu-period", cpu_period, "Limit the CPU CFS (Completely Fair Scheduler) period")
      .integer("cpu-quota", cpu_quota, "Limit the CPU CFS (Completely Fair Scheduler) quota")
      .integer("cpu-shares,c", cpu_shares, "CPU shares (relative weight)")
      .text("cpuset-cpus", cpus, "CPUs in which to allow execution (0-3, 0,1)")
      .text("cpuset-mems", mems, "MEMs in which to allow execution (0-3, 0,1)")
      .text("file,f", file, "Name of the Dockerfile (Default is \"PATH/Dockerfile\")")
      .toggle("force-rm", force_remove, "Always remove intermediate containers")
      .list("no-cache-filter", no_cache_stages, "Do not cache specified stages")
      .list("secret", secrets, "Secret to expose to the build (format: \"id=mysecret[,src=/local/secret]\")")
      .list("ssh", agents, "SSH agent socket to expose to the build (format: \"default|<id>[=<socket>]\")")
      .custom("ulimit", "ulimit", "Ulimit options",
              [this](const std::string& text) { ulimits.push_back(parse_ulimit(text).dump()); })
      .text("builder", builder, "Override the configured builder instance")
      .text("call", call, "Set method for evaluating build (\"check\")")
      .text("isolation", isolation, "Container isolation technology")
      .toggle("squash", squash, "Squash newly built layers into a single new layer")
      .toggle("compress", compress, "Compress the build context using gzip")
      .toggle("disable-content-trust", no_trust, "Skip image verification")
      .toggle("check", check, "Shorthand for \"--call=check\": look through the Dockerfile and build nothing")
      .list("annotation", annotations, "Add annotation to the image")
      .list("attest", attests, "Attestation parameters (format: \"type=provenance,mode=max\")")
      .optional("provenance", "string", "Shorthand for \"--attest=type=provenance\"", is_attest_value,
                [this](const std::string& text) { provenance = text; })
      .optional("sbom", "string", "Shorthand for \"--attest=type=sbom\"", is_attest_value,
                [this](const std::string& text) { sbom = text; })
      .list("build-context", contexts, "Additional build contexts (e.g., name=path)")
      .list("cache-to", cache_to,
            "Cache export destinations (e.g., \"user/app:cache\", \"type=local,dest=path/to/dir\")")
      .toggle("load", load, "Shorthand for \"--output=type=docker\"")
      .text("metadata-file", metadata_file, "Write build result metadata to a file")
      .list("output,o", outputs, "Output destination (format: \"type=local,dest=path\")")
      .text("progress", progress, "Set type of progress output (\"auto\", \"plain\", \"tty\", \"classic\")")
      .toggle("push", push, "Shorthand for \"--output=type=registry\"")
      .text("iidfile", id_file, "Write the image ID to the file")
      .custom("label", "list", "Set metadata for an image",
              [this](const std::string& text) { labels.push_back(checked_label(text)); })
      .custom("memory,m", "bytes", "Memory limit", bytes(memory))
      .custom("memory-swap", "bytes", "Swap limit equal to memory plus swap: -1 to enable unlimited swap",
              [this](const std::string& text) { swap = text == "-1" ? -1 : parse_bytes(text); })
      .text("network", network, "Set the networking mode for the RUN instructions during build (default \"default\")")
      .toggle("no-cache", no_cache, "Do not use cache when building the image")
      .text("platform", platform, "Set platform if server is multi-platform capable")
      .toggle("pull", pull, "Always attempt to pull a newer version of the image")
      .toggle("quiet,q", quiet, "Suppress the build output and print image ID on success")
      .toggle("rm", remove, "Remove intermediate containers after a successful build")
      .list("security-opt", security, "Security options")
      .custom("shm-size", "bytes", "Size of \"/dev/shm\"", bytes(shm))
      .custom("tag,t", "list", "Name and optionally a tag in the \"name:tag\" format",
              [this](const std::string& text) {
                parse_reference(text);
                tags.push_back(text);
              })
      .text("target", target, "Set the target build stage to build.");
}

void BuildFlags::take_shorthands() {
  if (!builder.empty() && builder != "default") throw Failure("no builder \"" + builder + "\" found");
  if (call == "check" || call == "lint") check = true;
  if (!call.empty() && call != "build" && !check) throw Failure("invalid call \"" + call + "\": use build or check");
}

Query BuildFlags::query(const std::string& recipe, const std::string& remote) const {
  Query out;
  for (const std::string& tag : tags) out.add("t", tag);
  out.add("dockerfile", recipe).add_if(!remote.empty(), "remote", remote);
  out.add("buildargs", argument_json(arguments).dump()).add("labels", label_json(labels).dump());
  out.add_if(!target.empty(), "target", target).add_if(!platform.empty(), "platform", platform);
  out.add_if(!network.empty(), "networkmode", network).add_if(!cgroup_parent.empty(), "cgroupparent", cgroup_parent);
  out.add_if(no_cache, "nocache").add_if(pull, "pull").add_if(quiet, "q").add_if(force_remove, "forcerm");
  out.add("rm", remove ? "1" : "0");
  const auto number = [&](const char* name, std::int64_t value) {
    out.add_if(value != 0, name, std::to_string(value));
  };
  number("memory", memory);
  number("memswap", swap);
  number("shmsize", shm);
  number("cpushares", cpu_shares);
  number("cpuperiod", cpu_period);
  number("cpuquota", cpu_quota);
  out.add_if(!cpus.empty(), "cpusetcpus", cpus).add_if(!mems.empty(), "cpusetmems", mems);
  for (const std::string& host : hosts) out.add("extrahosts", host);
  for (const std::string& option : security) out.add("securityopt", option);
  std::string limits;
  for (const std::string& limit : ulimits) limits += (limits.empty() ? "[" : ",") + limit;
  out.add_if(!limits.empty(), "ulimits", limits + "]");
  out.add_if(!isolation.empty(), "isolation", isolation).add_if(squash, "squash").add_if(check, "check");
  out.add_if(tell_stages, "stages");
  form.add_to(out);
  add_attest(out, parse_attest(attests, provenance, sbom), subjects);
  Json notes = parse_annotations(annotations);
  for (const std::string& note : output_notes) notes.push_back(Json::parse(note));
  out.add_if(!notes.empty(), "annotations", notes.dump());
  for (const std::string& entitlement : entitlements) out.add("allow", entitlement);
  for (const std::string& stage : no_cache_stages) out.add("nocachestage", stage);
  return out;
}

}  // namespace gantry::cli
