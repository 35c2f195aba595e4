#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/id.hpp"
#include "containers/service.hpp"
#include "containers/service_fakes.hpp"

/// The service of containers over fakes of all that is around it.
namespace gantry::containers {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// One life of the daemon over a world that outlives it.
class FakeDaemon {
 public:
  FakeDaemon(const std::string& root, Settings settings) : store_(root + "/state.db") {
    settings.data_root = root;
    const Service::Neighbours neighbours{store_, bus_, drivers_, workers_, images_, networks_, volumes_};
    service_.emplace(context_.get_executor(), neighbours, settings);
  }
  ~FakeDaemon() {
    workers_.join();
    context_.stop();
  }

  /// Runs a coroutine to its end.
  template <class T>
  T run(awaitable<T> task) {
    std::exception_ptr failure;
    std::optional<T> result;
    bool done = false;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error, T value) {
      failure = error;
      result = std::move(value);
      done = true;
    });
    until([&] { return done; });
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
  void run(awaitable<void> task) {
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error) {
      failure = error;
      done = true;
    });
    until([&] { return done; });
    if (failure) std::rethrow_exception(failure);
  }
  template <class Condition>
  void until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), limit);
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds{100});
    }
  }

  Service& service() { return *service_; }
  [[nodiscard]] std::vector<std::string> actions() const {
    std::vector<std::string> names;
    const events::Filter everything = [](const events::Event& event) { return event.type == "container"; };
    for (const auto& event : bus_.history(0, std::numeric_limits<Nanoseconds>::max(), everything))
      names.push_back(event.action);
    return names;
  }
  Workers& workers() { return workers_; }
  events::Bus& bus() { return bus_; }
  plugins::Drivers& drivers() { return drivers_; }
  images::Service& images() { return images_; }
  state::Store& store() { return store_; }
  asio::io_context& context() { return context_; }

 private:
  asio::io_context context_;
  Workers workers_{2, 2};
  state::Store store_;
  events::Bus bus_;
  plugins::Drivers drivers_{{}, workers_};
  images::Service images_{store_, bus_, drivers_, workers_, ""};
  networks::Service networks_{store_, bus_, drivers_, workers_};
  volumes::Service volumes_{store_, bus_, drivers_, workers_};
  std::optional<Service> service_;
};

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    std::filesystem::create_directory(root_);
    fakes::world() = &world_;
    boot();
  }
  ~ServiceTest() override {
    daemon_.reset();
    std::filesystem::remove_all(root_);
  }

  void boot() {
    daemon_.reset();
    daemon_.emplace(root_, settings_);
  }
  /// As after kill -9: the store is what was committed, the world is what it was.
  void crash() {
    boot();
    daemon_->run(daemon_->service().recover());
  }

  /// The record as it was committed before the kill came.
  void half_done(const std::string& id, State state) {
    state::Table<Container> table{daemon_->store(), "containers"};
    Container half = *table.find(id);
    half.state = state;
    if (state == State::starting) half.started = 0;
    daemon_->store().update([&](state::Transaction& change) { table.put(change, id, half); });
  }

  static CreateRequest request(const std::string& name = "web") {
    CreateRequest out;
    out.name = name;
    out.body.config.image = "busybox";
    return out;
  }
  std::string create(CreateRequest what = request()) {
    return daemon_->run(daemon_->service().create(std::move(what))).id;
  }
  std::string run(CreateRequest what = request()) {
    const std::string id = create(std::move(what));
    EXPECT_TRUE(daemon_->run(daemon_->service().start(id)));
    return id;
  }
  State state(const std::string& id) { return daemon_->service().find(id)->state; }
  bool exists(const std::string& id) {
    const auto all = daemon_->service().all();
    return std::any_of(all.begin(), all.end(), [&](const auto& c) { return c->id == id; });
  }
  template <class Action>
  std::string refusal(Action action) {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }
  Service& service() { return daemon_->service(); }

  const std::string root_ = std::filesystem::temp_directory_path() / ("gantry-containers-" + random_id());
  fakes::World world_;
  Settings settings_;
  std::optional<FakeDaemon> daemon_;
};

}  // namespace gantry::containers
