#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/far_session.hpp"
#include "base/mounted_tree.hpp"
#include "build/agent_server.hpp"
#include "build/provenance.hpp"
#include "build/service.hpp"

namespace gantry::build {

/// What a builder driver gets for one build: its calls come on the driver's thread, the work goes on on the io thread.
/// Several threads of the driver's may call at once.
class Session final : public builder::v1::Session,
                      public builder::v1::Steps,
                      public builder::v1::Loans,
                      public builder::v1::Display,
                      public builder::v1::Origins,
                      public builder::v1::Trace,
                      public builder::v1::Grafts,
                      public builder::v1::Devices,
                      public FarSession,
                      public std::enable_shared_from_this<Session> {
 public:
  Session(asio::any_io_executor io, Service::Neighbours neighbours, std::shared_ptr<const BuildRequest> request,
          images::Report report, images::Cancel cancel);

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

  int run(const std::string& container, FdTaker& output) override;
  void abandon(const std::string& why) override;
  void await_room() override { backlog_->wait(); }

  /// What the image was made from, as far as it is known by now.
  [[nodiscard]] Sources sources() const;
  /// The images of steps that no other step of the build stands on: of each stage the last. On the io thread.
  [[nodiscard]] std::vector<std::string> last_steps() const;

  /// Errors: cancelled.
  void check() const;
  /// What a build fails with whose driver did with `error`.
  [[nodiscard]] std::exception_ptr failure(const Error& error) const;

  /// Removes the trees that the driver left, and the containers too if it is not there to say what is to become of
  /// them. On the io thread, when the driver has returned or was given up: what it asked for is waited for.
  awaitable<void> clean();

 private:
  /// A container that was made and has not run yet: its image, and what is mounted into it beside the usual.
  struct Prepared {
    std::string image;
    std::vector<std::string> targets;
  };

  void set_network(const std::string& wanted, wire::HostConfig& config) const;
  template <class Result>
  Result on_io(awaitable<Result> work);
  void forget_ended_agents();
  class Question;
  template <class Result>
  awaitable<Result> asked(awaitable<Result> work);
  awaitable<void> await_questions();
  awaitable<std::shared_ptr<const images::Image>> find_image(std::string reference, std::string platform, bool pull);
  /// Takes what a command says, from a socket, while it runs.
  using Listening = std::function<awaitable<void>(UniqueFd)>;
  int run_listened(const std::string& container, const Listening& listening);
  int run_to_end(const std::string& container, const Listening& listening);
  awaitable<int> run_container(std::string id, Listening listening);
  awaitable<void> show_output(UniqueFd socket, builder::v1::Output* output);
  awaitable<void> kill(std::string id);
  std::vector<Mount> tree_mounts(const std::string& tree);
  awaitable<std::string> prepare_tree(std::string image);
  awaitable<void> forget_tree(std::string tree);
  awaitable<void> forget_trees();
  awaitable<std::string> make_container(containers::CreateRequest request, Prepared prepared,
                                        std::vector<std::string> secret_env);
  [[nodiscard]] bool is_abandoned() const;
  /// Errors: not_found (it is none of this build's).
  void check_container(const std::string& id) const;
  void check_top(const std::string& key) const;
  [[nodiscard]] bool is_bare(const std::string& tree) const;
  awaitable<void> forget_container(std::string id);
  awaitable<void> forget_containers();
  void show(wire::ProgressMessage message);
  [[nodiscard]] images::BuildStep build_step(const builder::v1::Step& step) const;
  awaitable<std::shared_ptr<const images::Image>> held(awaitable<std::shared_ptr<const images::Image>> work);
  awaitable<std::shared_ptr<const images::Image>> counted(awaitable<std::shared_ptr<const images::Image>> work,
                                                          std::string parent);

  asio::any_io_executor io_;
  Service::Neighbours at_;
  std::shared_ptr<const BuildRequest> request_;  ///< A driver that was given up may still talk of it.
  images::Report report_;
  images::Cancel cancel_;
  std::shared_ptr<Backlog> backlog_;
  mutable std::mutex mutex_;  ///< Of all that follows but the agents.
  std::map<std::string, std::vector<Mount>> trees_;
  std::set<std::string> bare_trees_;  ///< Those that stand on no image.
  std::map<std::string, Prepared> prepared_;
  std::set<std::string> containers_;  ///< Those that are made and not removed.
  std::set<std::string> complete_;    ///< Images that have all that is usually mounted over.
  std::set<std::string> stopped_;
  std::string abandoned_;  ///< Why; empty: it is not.
  Sources sources_;
  std::atomic<int> exit_code_ = 0;
  std::vector<std::shared_ptr<AgentServer>> agents_;    ///< On the io thread.
  std::map<std::string, std::shared_ptr<void>> holds_;  ///< The images that the build stands on. On the io thread.
  std::set<std::string> steps_;                         ///< The images of its steps. The same.
  std::set<std::string> parents_;                       ///< What those stand on. The same.
  std::size_t steps_size_{};                            ///< Of the configs of those. The same.
  bool over_{};                                         ///< Nothing is asked any more. The same.
  std::size_t questions_{};                             ///< Those of the driver's that are under way. The same.
  asio::steady_timer answered_;                         ///< Woken up when there are none. The same.
};

}  // namespace gantry::build
