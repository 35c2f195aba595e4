#include "gantry/log.hpp"

#include <unistd.h>

#include <map>
#include <mutex>
#include <thread>

#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"

/// A container's lines are written beside the container by other programs (`Writer`), so what is isolated is what the
/// daemon asks for: check, plan, and reading back. Cursors stay with the driver, under numbers.
namespace gantry::isolated {
namespace {

using LogDriver = log::v1::Driver;
using log::v1::Cursor;
using log::v1::Reader;

/// What is told of a cursor with each answer, since those who ask for it later cannot wait.
struct CursorFacts {
  std::uint64_t id{};
  bool finished{};
  std::vector<std::string> watched;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CursorFacts, id, finished, watched)

/// The driver's end: a process has one driver.
class Cursors {
 public:
  CursorFacts add(std::unique_ptr<Cursor> cursor) {
    const std::shared_ptr<Cursor> shared = std::move(cursor);
    const std::scoped_lock guard{mutex_};
    const std::uint64_t id = ++last_;
    all_[id] = shared;
    return facts(id, *shared);
  }
  std::shared_ptr<Cursor> find(std::uint64_t id) {
    const std::scoped_lock guard{mutex_};
    const auto found = all_.find(id);
    if (found == all_.end()) throw Error{Errc::unavailable, "the place in the log was lost when its driver crashed"};
    return found->second;
  }
  void drop(std::uint64_t id) {
    const std::scoped_lock guard{mutex_};
    all_.erase(id);
  }
  static CursorFacts facts(std::uint64_t id, const Cursor& cursor) {
    CursorFacts out{id, cursor.finished(), {}};
    cursor.watched(out.watched);
    return out;
  }

 private:
  std::mutex mutex_;
  // The numbers of one process are unknown to the next one.
  std::uint64_t last_ = static_cast<std::uint64_t>(::getpid()) << 32;
  std::map<std::uint64_t, std::shared_ptr<Cursor>> all_;
};

Cursors& cursors() {
  static Cursors all;
  return all;
}

Reader& reader_of(LogDriver& driver) {
  if (auto* reader = static_cast<Reader*>(driver.query(Reader::kAbility))) return *reader;
  throw Error{Errc::unsupported, "the driver does not read back"};
}

CursorFacts begin_reading(LogDriver& driver, const log::v1::Subject& subject, const Options& options,
                          const log::v1::ReadRequest& request, const Call& call) {
  return cursors().add(reader_of(driver).read(subject, options, request, call));
}

CursorFacts read_on(LogDriver& /*driver*/, std::uint64_t id, std::vector<log::v1::Entry>& out, const Call& call) {
  const std::shared_ptr<Cursor> cursor = cursors().find(id);
  cursor->next(out, call);
  return Cursors::facts(id, *cursor);
}

void end_reading(LogDriver& /*driver*/, std::uint64_t id) { cursors().drop(id); }

void clear_log(LogDriver& driver, const log::v1::Subject& subject, const Options& options, const Call& call) {
  reader_of(driver).clear(subject, options, call);
}

using LogMethods =
    MethodList<LogDriver, &LogDriver::check, &LogDriver::plan, &begin_reading, &read_on, &end_reading, &clear_log>;

/// A method on behalf of a cursor, which may outlive the driver's proxy. Without waiting for a driver that is started
/// again: it knows no cursor any more.
template <auto Method, class... A>
decltype(auto) ask_driver(Remote& remote, A&&... arguments) {
  RemotePeer peer{remote, kAtOnce};
  return Shape<decltype(Method)>::call(peer, LogMethods::index<Method>(), std::forward<A>(arguments)...);
}

class CursorProxy final : public Cursor {
 public:
  CursorProxy(std::shared_ptr<Remote> remote, CursorFacts facts)
      : remote_(std::move(remote)), facts_(std::move(facts)) {}
  ~CursorProxy() override {
    // Not on the thread that gives it up, which may be the event loop's: the driver may take its time.
    try {
      std::thread{[remote = remote_, id = facts_.id] {
        try {
          ask_driver<&end_reading>(*remote, id);
        } catch (const std::exception&) {
          // It went with the driver's process.
        }
      }}.detach();
    } catch (const std::exception&) {
      // It goes with the driver's process.
    }
  }

  void next(std::vector<log::v1::Entry>& out, const Call& call) override {
    facts_ = ask_driver<&read_on>(*remote_, facts_.id, out, call);
  }
  bool finished() const noexcept override { return facts_.finished; }
  void watched(std::vector<std::string>& out) const override {
    out.insert(out.end(), facts_.watched.begin(), facts_.watched.end());
  }

 private:
  std::shared_ptr<Remote> remote_;
  CursorFacts facts_;
};

class LogProxy final : public Proxy<LogDriver, LogMethods>, public Reader {
 public:
  using Proxy::Proxy;

  void check(const Options& options, const Call& call) override { invoke<&LogDriver::check>(options, call); }
  void plan(const log::v1::Subject& subject, const Options& options, log::v1::Plan& out, const Call& call) override {
    invoke<&LogDriver::plan>(subject, options, out, call);
  }

  std::unique_ptr<Cursor> read(const log::v1::Subject& subject, const Options& options,
                               const log::v1::ReadRequest& request, const Call& call) override {
    CursorFacts facts = invoke<&begin_reading>(subject, options, request, call);
    return std::make_unique<CursorProxy>(remote(), std::move(facts));
  }
  void clear(const log::v1::Subject& subject, const Options& options, const Call& call) override {
    invoke<&clear_log>(subject, options, call);
  }

 private:
  void* ability(std::string_view name) noexcept override {
    return name == Reader::kAbility ? static_cast<Reader*>(this) : nullptr;
  }
};

}  // namespace

const Kind kLogKind{LogDriver::kKind,
                    [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
                      return std::shared_ptr<LogDriver>{std::make_shared<LogProxy>(std::move(remote), lesson)};
                    },
                    &LogMethods::serve,
                    {Reader::kAbility}};

}  // namespace gantry::isolated
