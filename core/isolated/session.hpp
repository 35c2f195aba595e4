#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gantry/builder.hpp"
#include "gantry/builder_trace.hpp"
#include "isolated/callbacks.hpp"

namespace gantry::isolated {

/// The services of a session that can be had from afar, by their names.
std::vector<std::string> services_of(builder::v1::Session& session);

/// The daemon's end of a session whose driver is in a process of its own.
class ServedSession final : public Answerer {
 public:
  /// `end_trust` ends the driver's process, and throws what its call fails with. Called on any thread.
  using EndTrust = std::function<void(const std::string& why)>;
  ServedSession(builder::v1::Session& session, EndTrust end_trust)
      : session_(session), end_trust_(std::move(end_trust)) {}

  Json answer(Line& line, Frame& frame, std::vector<UniqueFd>& given) override;
  Error translate() noexcept override;
  void distrust(const std::string& why) noexcept override;

  /// The driver has returned: nothing is answered any more. False if it has left a question of its own under way.
  bool end();
  /// Nobody is there any more for whom the session works. Answers the first reason that there was.
  std::string abandon(const std::string& why);

 private:
  class Question;
  void lose(const std::string& why);

  builder::v1::Session& session_;
  EndTrust end_trust_;
  std::mutex mutex_;  ///< Of what follows.
  std::size_t questions_ = 0;
  bool ended_ = false;
  std::string lost_;  ///< Why; empty: it is not.
};

/// The driver's end.
class SessionProxy final : public builder::v1::Session,
                           public builder::v1::Steps,
                           public builder::v1::Loans,
                           public builder::v1::Display,
                           public builder::v1::Origins,
                           public builder::v1::Trace,
                           public builder::v1::Grafts,
                           public builder::v1::Devices {
 public:
  SessionProxy(int control, const std::vector<std::string>& services)
      : link_(control), services_(services.begin(), services.end()) {}

  void* query(std::string_view service) noexcept override;
  void output(std::string_view text) override;
  void image(const std::string& reference, const std::string& platform, bool pull, builder::v1::Image& out) override;
  bool cached(const builder::v1::Step& step, builder::v1::Image& out) override;
  void commit(const builder::v1::Step& step, builder::v1::Image& out) override;
  std::string make_tree(const std::string& image) override;
  UniqueFd open_tree(const std::string& tree) override;
  void remove_tree(const std::string& tree) override;
  std::string create_container(const builder::v1::ContainerSpec& spec) override;
  int run(const std::string& container) override;
  void remove_container(const std::string& container) override;

  void output(std::string_view text, bool is_error) override;
  int run(const std::string& container, builder::v1::Output& output) override;
  void stop(const std::string& container) override;

  bool secret(const std::string& id, std::string& out) override;
  bool serve_agent(const std::string& id, int listener) override;

  void report(const builder::v1::StepReport& report) override;

  void material(const builder::v1::Material& material) override;
  void recipe(const std::string& name, const std::string& text) override;

  void step(const builder::v1::TracedStep& step) override;

  void known(std::vector<std::string>& out) override;
  std::string create_with(const builder::v1::ContainerSpec& spec, const std::vector<std::string>& names) override;

  bool grafted(const builder::v1::Step& step, builder::v1::Image& out) override;

 private:
  template <auto Method, class... A>
  decltype(auto) invoke(A&&... arguments);
  template <auto Method, class... A>
  void tell(A&&... arguments);

  CallbackLink link_;
  const std::set<std::string, std::less<>> services_;
};

}  // namespace gantry::isolated
