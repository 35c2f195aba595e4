#include "isolated/served_driver.hpp"

#include <nlohmann/json.hpp>

#include "isolated/kinds.hpp"
#include "isolated/structs.hpp"

namespace gantry::isolated {
namespace {

class HostOfLine final : public Host {
 public:
  HostOfLine(const Json& told, std::function<void(LogLevel, std::string_view)> log) : log_(std::move(log)) {
    told.at("data_dir").get_to(data_dir_);
    told.at("exec_dir").get_to(exec_dir_);
    told.at("libexec_dir").get_to(libexec_dir_);
    told.at("options").get_to(options_);
  }

  std::string data_dir() const override { return data_dir_; }
  std::string exec_dir() const override { return exec_dir_; }
  std::string libexec_dir() const override { return libexec_dir_; }
  const Options& options() const override { return options_; }
  void log(LogLevel level, std::string_view message) const noexcept override { log_(level, message); }
  void* query(std::string_view) noexcept override { return nullptr; }

 private:
  std::function<void(LogLevel, std::string_view)> log_;
  std::string data_dir_;
  std::string exec_dir_;
  std::string libexec_dir_;
  Options options_;
};

}  // namespace

Json ServedDriver::describe() const {
  return {{"kind", description.kind},
          {"name", description.name},
          {"version", description.version},
          {"interface", description.interface},
          {"capabilities", description.capabilities},
          {"options", description.options}};
}

/// Answers which of the abilities that the daemon knows the driver has.
Json ServedDriver::open(const Json& told) {
  host_ = std::make_unique<HostOfLine>(told, log);
  base->open(*host_);
  Json abilities = Json::array();
  for (const Json& ability : told.at("abilities")) {
    if (base->query(ability.get<std::string>()) != nullptr) abilities.push_back(ability);
  }
  return abilities;
}

Json ServedDriver::answer(Line& line, Frame& frame, std::vector<UniqueFd>& given) {
  if (!refusal.empty()) throw Error{Errc::invalid, refusal};
  if (frame.type == FrameType::describe) return describe();
  if (frame.type == FrameType::open) return open(unpack(frame.message));
  if (frame.type != FrameType::call || !host_) throw Nonsense{"a call was expected"};
  const Kind* kind = find_kind(description.kind);
  if (kind == nullptr) throw BrokenLink{"drivers of this kind are not served"};
  Incoming incoming{line, frame};
  Json answer = kind->serve(object.get(), incoming.method(), incoming);
  given = incoming.take_given();
  return answer;
}

}  // namespace gantry::isolated
