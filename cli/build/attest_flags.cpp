#include "build/attest_flags.hpp"

#include <map>
#include <set>

#include "command/failure.hpp"
#include "command/flags.hpp"
#include "parse/text.hpp"

namespace gantry::cli {
namespace {

using Fields = std::map<std::string, std::string>;

bool is_bool(const std::string& text) {
  try {
    static_cast<void>(parse_bool(text));
    return true;
  } catch (const InvalidValue&) {
    return false;
  }
}

bool bool_field(const Fields& fields, const std::string& name, bool otherwise) {
  const auto found = fields.find(name);
  if (found == fields.end()) return otherwise;
  if (!is_bool(found->second)) throw Failure("invalid value for " + name + ": \"" + found->second + "\"");
  return parse_bool(found->second);
}

/// What the shorthands stand for.
std::string whole_form(const std::string& type, const std::string& text) {
  if (is_bool(text)) return "type=" + type + ",disabled=" + (parse_bool(text) ? "false" : "true");
  return "type=" + type + "," + text;
}

/// BuildKit passes over what it does not know; a misspelt "mode" would say less than was meant, and nobody would know.
void check_names(const Fields& fields, const std::string& type) {
  static const std::set<std::string> common{"type", "disabled"};
  static const std::map<std::string, std::set<std::string>> known{
      {"provenance", {"mode", "reproducible", "builder-id"}}, {"sbom", {"generator"}}};
  for (const auto& [name, value] : fields) {
    if (common.contains(name) || known.at(type).contains(name)) continue;
    std::string names;
    for (const std::string& one : known.at(type)) names += (names.empty() ? "" : ", ") + one;
    throw Failure("attestation type " + type + ": unknown attribute \"" + name + "\": use " + names);
  }
}

Fields attest_fields(const std::string& text) {
  Fields out;
  for (const std::string& field : csv_fields(text)) {
    const auto equals = field.find('=');
    if (equals == std::string::npos) throw Failure("invalid value " + field);
    out[trimmed(lower(field.substr(0, equals)))] = field.substr(equals + 1);
  }
  if (out["type"].empty()) throw Failure("attestation type not specified");
  return out;
}

void take_provenance(const Fields& fields, AttestFlags& out) {
  const auto mode = fields.find("mode");
  out.provenance = mode == fields.end() ? "min" : mode->second;
  // Its name in BuildKit's first versions.
  if (out.provenance == "full") out.provenance = "max";
  if (out.provenance != "min" && out.provenance != "max") throw Failure("invalid mode \"" + out.provenance + "\"");
  out.reproducible = bool_field(fields, "reproducible", false);
  if (const auto builder = fields.find("builder-id"); builder != fields.end()) out.builder = builder->second;
}

}  // namespace

bool is_attest_value(const std::string& word) {
  if (word.size() > 1 && is_bool(word)) return true;
  for (const char* start : {"mode=", "disabled=", "reproducible=", "builder-id=", "generator="}) {
    if (word.starts_with(start)) return true;
  }
  return false;
}

AttestFlags parse_attest(const std::vector<std::string>& attests, const std::string& provenance,
                         const std::string& sbom) {
  std::vector<std::string> all = attests;
  if (!provenance.empty()) all.push_back(whole_form("provenance", provenance));
  if (!sbom.empty()) all.push_back(whole_form("sbom", sbom));
  AttestFlags out;
  std::set<std::string> seen;
  for (const std::string& text : all) {
    const Fields fields = attest_fields(text);
    const std::string& type = fields.at("type");
    if (!seen.insert(type).second) throw Failure("duplicate attestation field " + type);
    if (type != "provenance" && type != "sbom") throw Failure("unknown attestation type \"" + type + "\"");
    check_names(fields, type);
    if (bool_field(fields, "disabled", false)) continue;
    if (type == "provenance") take_provenance(fields, out);
    if (type != "sbom") continue;
    if (fields.contains("generator")) {
      throw Failure("attestation type sbom: a generator is not supported: the daemon lists the packages itself");
    }
    out.sbom = true;
  }
  return out;
}

void add_attest(Query& query, const AttestFlags& flags, const std::vector<std::string>& subjects) {
  if (flags.provenance.empty() && !flags.sbom) return;
  query.add_if(!flags.provenance.empty(), "provenance", flags.provenance).add_if(flags.sbom, "sbom");
  query.add_if(flags.reproducible, "reproducible").add_if(!flags.builder.empty(), "builderid", flags.builder);
  for (const std::string& subject : subjects) query.add("subject", subject);
}

}  // namespace gantry::cli
