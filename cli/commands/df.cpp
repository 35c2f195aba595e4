#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "commands/rows.hpp"
#include "format/go_value.hpp"
#include "format/template.hpp"
#include "format/units.hpp"
#include "parse/quantity.hpp"

namespace gantry::cli {

namespace {

const ColumnHeads kUsageHeads{
    {"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"}, {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}};

Json list_of(const Json& usage, const char* key) {
  const auto found = usage.find(key);
  return found != usage.end() && found->is_array() ? *found : Json::array();
}

double number(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

/// One line of the summary.
struct Summary {
  const char* type;
  std::size_t total = 0;
  std::size_t active = 0;
  double size = 0;
  double reclaimable = 0;

  [[nodiscard]] Json row(bool with_share) const {
    std::string shown = human_size(reclaimable, 4);
    if (with_share && size > 0) {
      shown += " (" + std::to_string(static_cast<int>(reclaimable * 100 / size)) + "%)";
    }
    return {{"Active", std::to_string(active)},
            {"Reclaimable", shown},
            {"Size", human_size(size, 4)},
            {"TotalCount", std::to_string(total)},
            {"Type", type}};
  }
};

Summary images(const Json& usage) {
  Summary sum{"Images"};
  sum.size = number(usage, "LayersSize");
  double used = 0;
  for (const Json& image : list_of(usage, "Images")) {
    ++sum.total;
    if (number(image, "Containers") <= 0) continue;
    ++sum.active;
    if (number(image, "SharedSize") >= 0) used += number(image, "Size") - number(image, "SharedSize");
  }
  sum.reclaimable = sum.size - used;
  return sum;
}

Summary containers(const Json& usage) {
  Summary sum{"Containers"};
  for (const Json& container : list_of(usage, "Containers")) {
    const std::string state = container.value("State", "");
    const bool active = state == "running" || state == "paused" || state == "restarting";
    ++sum.total;
    sum.active += active ? 1 : 0;
    sum.size += number(container, "SizeRw");
    if (!active) sum.reclaimable += number(container, "SizeRw");
  }
  return sum;
}

Summary volumes(const Json& usage) {
  Summary sum{"Local Volumes"};
  for (const Json& volume : list_of(usage, "Volumes")) {
    const Json data =
        volume.contains("UsageData") && volume["UsageData"].is_object() ? volume["UsageData"] : Json::object();
    ++sum.total;
    const bool linked = number(data, "RefCount") > 0;
    sum.active += linked ? 1 : 0;
    if (number(data, "Size") <= 0) continue;
    sum.size += number(data, "Size");
    if (!linked) sum.reclaimable += number(data, "Size");
  }
  return sum;
}

Summary build_cache(const Json& usage) {
  Summary sum{"Build Cache"};
  for (const Json& record : list_of(usage, "BuildCache")) {
    const bool used = record.value("InUse", false);
    ++sum.total;
    sum.active += used ? 1 : 0;
    if (record.value("Shared", false)) continue;
    sum.size += number(record, "Size");
    if (!used) sum.reclaimable += number(record, "Size");
  }
  return sum;
}

std::string ago(std::int64_t created) { return human_duration(std::time(nullptr) - created) + " ago"; }

std::vector<Json> short_image_rows(const Json& usage) {
  std::vector<Json> rows;
  for (const Json& image : list_of(usage, "Images")) {
    // As docker: whatever else it is called, it takes its space once.
    const Json tags = list_of(image, "RepoTags");
    const std::string name = tags.empty() ? "<none>:<none>" : go_text(tags[0]);
    const auto colon = name.rfind(':');
    const double shared = std::max(number(image, "SharedSize"), 0.0);
    rows.push_back({{"Repository", name.substr(0, colon)},
                    {"Tag", name.substr(colon + 1)},
                    {"ID", short_id(image.value("Id", ""))},
                    {"CreatedSince", ago(image.value("Created", std::int64_t{0}))},
                    {"Size", human_size(number(image, "Size"))},
                    {"SharedSize", human_size(shared, 4)},
                    {"UniqueSize", human_size(number(image, "Size") - shared, 4)},
                    {"Containers", std::to_string(static_cast<int>(number(image, "Containers")))}});
  }
  return rows;
}

std::string images_in_full(const Json& usage) {
  return "Images space usage:\n\n" +
         render({"",
                 "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}"
                 "\t{{.Containers}}",
                 {{"Repository", "REPOSITORY"},
                  {"Tag", "TAG"},
                  {"ID", "IMAGE ID"},
                  {"CreatedSince", "CREATED"},
                  {"Size", "SIZE"},
                  {"SharedSize", "SHARED SIZE"},
                  {"UniqueSize", "UNIQUE SIZE"},
                  {"Containers", "CONTAINERS"}}},
                short_image_rows(usage));
}

std::vector<Json> container_rows(const Json& usage) {
  std::vector<Json> rows;
  for (const Json& container : list_of(usage, "Containers")) {
    std::int64_t local = 0;
    for (const Json& mount : list_of(container, "Mounts")) local += mount.value("Driver", "") == "local" ? 1 : 0;
    std::string name = list_of(container, "Names").empty() ? "" : go_text(container["Names"][0]);
    if (!name.empty()) name.erase(0, 1);
    rows.push_back({{"ID", short_id(container.value("Id", ""))},
                    {"Image", container.value("Image", "")},
                    {"Command", go_quote(ellipsis(container.value("Command", ""), 20))},
                    {"LocalVolumes", std::to_string(local)},
                    {"Size", human_size(number(container, "SizeRw"))},
                    {"RunningFor", ago(container.value("Created", std::int64_t{0}))},
                    {"Status", container.value("Status", "")},
                    {"Names", name}});
  }
  return rows;
}

std::string containers_in_full(const Json& usage) {
  return "\nContainers space usage:\n\n" +
         render({"",
                 "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}"
                 "\t{{.Names}}",
                 {{"ID", "CONTAINER ID"},
                  {"Image", "IMAGE"},
                  {"Command", "COMMAND"},
                  {"LocalVolumes", "LOCAL VOLUMES"},
                  {"Size", "SIZE"},
                  {"RunningFor", "CREATED"},
                  {"Status", "STATUS"},
                  {"Names", "NAMES"}}},
                container_rows(usage));
}

std::vector<Json> volume_rows(const Json& usage) {
  std::vector<Json> rows;
  for (const Json& volume : list_of(usage, "Volumes")) {
    const Json data =
        volume.contains("UsageData") && volume["UsageData"].is_object() ? volume["UsageData"] : Json::object();
    rows.push_back({{"Name", volume.value("Name", "")},
                    {"Links", std::to_string(static_cast<int>(number(data, "RefCount")))},
                    {"Size", human_size(std::max(number(data, "Size"), 0.0), 4)}});
  }
  return rows;
}

std::string volumes_in_full(const Json& usage) {
  return "\nLocal Volumes space usage:\n\n" +
         render(
             {"", "{{.Name}}\t{{.Links}}\t{{.Size}}", {{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}}},
             volume_rows(usage));
}

std::vector<Json> build_cache_rows(const Json& usage) {
  const Json records = list_of(usage, "BuildCache");
  std::vector<Json> sorted(records.begin(), records.end());
  std::sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
    const auto key = [](const Json& record) {
      const auto used = record.find("LastUsedAt");
      return std::pair{used != record.end() && used->is_string() ? used->get<std::string>() : std::string{},
                       record.value("ID", "")};
    };
    return key(a) < key(b);
  });
  const auto since = [](const Json& record, const char* key) {
    const auto time = record.find(key);
    if (time == record.end() || !time->is_string()) return std::string{};
    return ago(std::atoll(parse_timestamp(time->get<std::string>(), 0).c_str()));
  };
  std::vector<Json> rows;
  for (const Json& record : sorted) {
    const bool used = record.value("InUse", false);
    const Json parents = list_of(record, "Parents");
    rows.push_back({{"ID", short_id(record.value("ID", "")) + (used ? "*" : "")},
                    {"Parent", parents.empty() ? "" : go_text(parents.front())},
                    {"CacheType", record.value("Type", "")},
                    {"Size", human_size(number(record, "Size"))},
                    {"CreatedSince", since(record, "CreatedAt")},
                    {"LastUsedSince", since(record, "LastUsedAt")},
                    {"UsageCount", std::to_string(static_cast<std::int64_t>(number(record, "UsageCount")))},
                    {"InUse", used ? "true" : "false"},
                    {"Shared", record.value("Shared", false) ? "true" : "false"},
                    {"Description", record.value("Description", "")}});
  }
  return rows;
}

std::string build_cache_in_full(const Json& usage) {
  return "\nBuild cache usage: " + human_size(build_cache(usage).size, 4) + "\n\n" +
         render({"",
                 "{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}"
                 "\t{{.Shared}}",
                 {{"ID", "CACHE ID"},
                  {"CacheType", "CACHE TYPE"},
                  {"Size", "SIZE"},
                  {"CreatedSince", "CREATED"},
                  {"LastUsedSince", "LAST USED"},
                  {"UsageCount", "USAGE"},
                  {"Shared", "SHARED"}}},
                build_cache_rows(usage));
}

// With all fields that the lists of such objects have.
Json whole_image_rows(const Json& usage) {
  Json rows = Json::array();
  for (const Json& image : list_of(usage, "Images")) {
    const double shared = std::max(number(image, "SharedSize"), 0.0);
    Json row = image_rows(image, false, false).front();
    if (list_of(image, "RepoTags").empty()) row["Repository"] = row["Tag"] = "<none>";
    row["Digest"] = "";
    row["SharedSize"] = human_size(shared, 4);
    row["UniqueSize"] = human_size(number(image, "Size") - shared, 4);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json whole_container_rows(const Json& usage) {
  Json rows = Json::array();
  for (const Json& container : list_of(usage, "Containers")) {
    rows.push_back(container_row(container, false));
    rows.back()["Size"] = human_size(number(container, "SizeRw"));
  }
  return rows;
}

Json whole_volume_rows(const Json& usage) {
  Json rows = Json::array();
  const std::vector<Json> short_rows = volume_rows(usage);
  for (const Json& volume : list_of(usage, "Volumes")) {
    const Json& sizes = short_rows.at(rows.size());
    rows.push_back(volume_row(volume));
    for (const char* field : {"Links", "Size"}) rows.back()[field] = sizes[field];
  }
  return rows;
}

// All at once: a template says which of them it wants.
int formatted_in_full(const Json& usage, const std::string& format) {
  const Json sections{{"Images", whole_image_rows(usage)},
                      {"Containers", whole_container_rows(usage)},
                      {"Volumes", whole_volume_rows(usage)},
                      {"BuildCache", build_cache_rows(usage)}};
  try {
    const Template text(format == "json" ? "{{json .}}" : format);
    // As docker: no new line that the template does not have.
    print_text(text.execute({go_row_type("*formatter.diskUsageContext"), sections}));
  } catch (const TemplateError& error) {
    throw Failure(error.what());
  }
  return 0;
}

}  // namespace

int system_df(Context& context) {
  bool verbose = false;
  ListFlags list;
  Flags flags;
  list.declare_format(flags);
  flags.toggle("verbose,v", verbose, "Show detailed information on space usage");
  context.parse(flags, Arity::none());
  const Json usage = context.client().get("/system/df");
  if (verbose && list.format.empty()) {
    const std::string out =
        images_in_full(usage) + containers_in_full(usage) + volumes_in_full(usage) + build_cache_in_full(usage);
    print_text(out);
    return 0;
  }
  if (verbose && list.format != "table") return formatted_in_full(usage, list.format);
  const std::vector<Json> rows{images(usage).row(true), containers(usage).row(true), volumes(usage).row(true),
                               build_cache(usage).row(false)};
  list.print({list.format, "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", kUsageHeads,
              "*formatter.diskUsageImagesContext",
              "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n"
              "reclaimable: {{.Reclaimable}}\n"},
             rows, false, "");
  return 0;
}

}  // namespace gantry::cli
