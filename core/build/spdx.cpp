#include "build/spdx.hpp"

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"
#include "images/attestation.hpp"

namespace gantry::build {
namespace {

using nlohmann::ordered_json;

constexpr Nanoseconds kWholeSecond = 1'000'000'000;

ordered_json package_json(const Package& package, const Distribution& distribution, const std::string& id) {
  ordered_json out{{"name", package.name},
                   {"SPDXID", id},
                   {"versionInfo", package.epoch.empty() ? package.version : package.epoch + ":" + package.version},
                   {"downloadLocation", "NOASSERTION"},
                   {"filesAnalyzed", false},
                   {"sourceInfo", "acquired package info from " + package.found_in},
                   {"licenseConcluded", "NOASSERTION"},
                   {"licenseDeclared", "NOASSERTION"},
                   {"copyrightText", "NOASSERTION"}};
  if (!package.license.empty()) out["licenseComments"] = "declared by the package: " + package.license;
  out["externalRefs"] = ordered_json::array({{{"referenceCategory", "PACKAGE-MANAGER"},
                                              {"referenceType", "purl"},
                                              {"referenceLocator", package_url(package, distribution)}}});
  return out;
}

ordered_json relation(const std::string& from, const char* type, const std::string& to) {
  return {{"spdxElementId", from}, {"relatedSpdxElement", to}, {"relationshipType", type}};
}

ordered_json image_json(const Subject& subject, const std::string& id) {
  const std::string digest = subject.image.substr(subject.image.find(':') + 1);
  return {{"name", subject.name},
          {"SPDXID", id},
          {"versionInfo", subject.image},
          {"downloadLocation", "NOASSERTION"},
          {"filesAnalyzed", false},
          {"checksums", ordered_json::array({{{"algorithm", "SHA256"}, {"checksumValue", digest}}})},
          {"licenseConcluded", "NOASSERTION"},
          {"licenseDeclared", "NOASSERTION"},
          {"copyrightText", "NOASSERTION"},
          {"primaryPackagePurpose", "CONTAINER"}};
}

/// All but the two long lists.
ordered_json head_json(const Inventory& inventory, const Subject& subject) {
  const std::string digest = subject.image.substr(subject.image.find(':') + 1);
  ordered_json out{
      {"spdxVersion", "SPDX-2.3"},
      {"dataLicense", "CC0-1.0"},
      {"SPDXID", "SPDXRef-DOCUMENT"},
      {"name", subject.name},
      {"documentNamespace", "https://gantry.invalid/spdx/" + digest + "-" + std::to_string(subject.time)},
      {"creationInfo",
       {{"creators", {"Tool: gantry"}}, {"created", format_rfc3339(subject.time / kWholeSecond * kWholeSecond)}}}};
  std::string unread;
  for (const std::string& path : inventory.unread) unread += (unread.empty() ? "" : ", ") + path;
  if (!unread.empty()) out["comment"] = "The packages of these databases are not listed: " + unread;
  return out;
}

std::string text_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string package_url(const Package& package, const Distribution& distribution) {
  using images::escaped_component;
  const std::string fallback = package.kind == "apk" ? "alpine" : package.kind == "rpm" ? "redhat" : "debian";
  const std::string& vendor = distribution.id.empty() ? fallback : distribution.id;
  std::string out = "pkg:" + package.kind + "/" + escaped_component(vendor, false) + "/" +
                    escaped_component(package.name, false) + "@" + escaped_component(package.version, false);
  char separator = '?';
  const auto qualifier = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    out += separator + std::string{name} + "=" + escaped_component(value, false);
    separator = '&';
  };
  qualifier("arch", package.architecture);
  qualifier("epoch", package.epoch);
  qualifier("upstream", package.source == package.name ? std::string{} : package.source);
  qualifier("distro", distribution.version.empty() ? std::string{} : vendor + "-" + distribution.version);
  return out;
}

std::string spdx_document(const Inventory& inventory, const Subject& subject) {
  const std::string root = "SPDXRef-DocumentRoot-Image";
  // As text, and not as one tree of JSON: that would have several times its size.
  std::string packages = text_of(image_json(subject, root));
  std::string relations = text_of(relation("SPDXRef-DOCUMENT", "DESCRIBES", root));
  for (std::size_t at = 0; at < inventory.packages.size(); ++at) {
    // Names have letters that SPDX's ids must not have.
    const std::string id = "SPDXRef-Package-" + std::to_string(at + 1);
    packages += "," + text_of(package_json(inventory.packages[at], inventory.distribution, id));
    relations += "," + text_of(relation(root, "CONTAINS", id));
    if (packages.size() + relations.size() > kMaxDocument) {
      throw Error{Errc::invalid, "cannot list the packages: the list would be larger than " +
                                     std::to_string(kMaxDocument >> 20) + " MiB"};
    }
  }
  std::string out = text_of(head_json(inventory, subject));
  out.pop_back();
  return out + ",\"packages\":[" + packages + "],\"relationships\":[" + relations + "]}";
}

}  // namespace gantry::build
