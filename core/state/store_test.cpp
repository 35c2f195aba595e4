#include "state/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.hpp"
#include "base/id.hpp"
#include "gantry/error.hpp"
#include "state/schema.hpp"

namespace gantry::state {

struct Note {
  std::string text;
};

std::string to_record(const Note& note) { return note.text; }
void from_record(const std::string& record, Note& note) {
  if (record == "unreadable") throw std::runtime_error{"no note"};
  note.text = record;
}

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() : folder_(fs::temp_directory_path() / ("gantry-" + random_id())) { fs::create_directory(folder_); }
  ~StoreTest() override { fs::remove_all(folder_); }

  fs::path file() const { return folder_ / "state.db"; }

  /// What a new store of this file holds of a note.
  std::string stored(const std::string& id) const {
    Store store{file()};
    const Table<Note> notes{store, "notes"};
    const auto note = notes.find(id);
    return note ? note->text : "none";
  }

  std::string refusal() const {
    try {
      const Store store{file()};
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(file().string()));
      return error.what();
    }
    return "opened";
  }

  fs::path folder_;
};

TEST_F(StoreTest, KeepsWhatWasCommitted) {
  {
    Store store{file()};
    Table<Note> notes{store, "notes"};
    store.update([&](Transaction& tx) {
      notes.put(tx, "a", {"one"});
      notes.put(tx, "b", {"two"});
    });
    store.update([&](Transaction& tx) {
      notes.put(tx, "a", {"three"});
      notes.erase(tx, "b");
    });
    EXPECT_EQ(notes.find("a")->text, "three");
    EXPECT_EQ(notes.all().size(), 1U);
  }
  EXPECT_EQ(stored("a"), "three");
  EXPECT_EQ(stored("b"), "none");
}

TEST_F(StoreTest, KeepsTheTablesApart) {
  Store store{file()};
  Table<Note> notes{store, "notes"};
  Table<Note> others{store, "others"};
  store.update([&](Transaction& tx) { notes.put(tx, "a", {"one"}); });
  EXPECT_EQ(others.find("a"), nullptr);
  EXPECT_EQ((Table<Note>{store, "others"}.find("a")), nullptr);
}

TEST_F(StoreTest, TakesAllBackIfTheChangeThrows) {
  {
    Store store{file()};
    Table<Note> notes{store, "notes"};
    store.update([&](Transaction& tx) { notes.put(tx, "a", {"one"}); });
    EXPECT_THROW(store.update([&](Transaction& tx) {
      notes.put(tx, "a", {"two"});
      notes.put(tx, "b", {"two"});
      throw Error{Errc::conflict, "no"};
    }),
                 Error);
    EXPECT_EQ(notes.find("a")->text, "one");
    EXPECT_EQ(notes.find("b"), nullptr);
    EXPECT_NO_THROW(store.update([&](Transaction& tx) { notes.put(tx, "c", {"three"}); }));
  }
  EXPECT_EQ(stored("a"), "one");
  EXPECT_EQ(stored("b"), "none");
  EXPECT_EQ(stored("c"), "three");
}

TEST_F(StoreTest, ReaderKeepsItsSnapshot) {
  Store store{file()};
  Table<Note> notes{store, "notes"};
  store.update([&](Transaction& tx) { notes.put(tx, "a", {"one"}); });
  const auto before = notes.find("a");
  store.update([&](Transaction& tx) { notes.put(tx, "a", {"two"}); });
  EXPECT_EQ(before->text, "one");
}

TEST_F(StoreTest, RefusesATransactionWithinATransaction) {
  Store store{file()};
  EXPECT_THROW(store.update([&](Transaction&) { store.update([](Transaction&) {}); }), Error);
  EXPECT_NO_THROW(store.update([](Transaction&) {}));
}

TEST_F(StoreTest, SecondDaemonIsRefusedAndToldTheFirst) {
  const Store store{file()};
  EXPECT_THAT(refusal(), HasSubstr("in use by another gantryd (pid " + std::to_string(::getpid()) + ")"));
}

/// Forks a writer that commits `committed`, writes "half" in a transaction that it never ends, and is killed there.
void write_and_die(const fs::path& file, const std::string& committed) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    Store store{file};
    Table<Note> notes{store, "notes"};
    store.update([&](Transaction& tx) { notes.put(tx, "committed", {committed}); });
    store.update([&](Transaction& tx) {
      notes.put(tx, "half", {"half"});
      ::close(ready[1]);
      for (;;) ::pause();
    });
  }
  ::close(ready[1]);
  char nothing = 0;
  EXPECT_EQ(::read(ready[0], &nothing, 1), 0);
  ::close(ready[0]);
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
}

TEST_F(StoreTest, KillLosesNothingThatWasCommittedAndKeepsNothingElse) {
  for (const char* round : {"one", "two", "three"}) {
    write_and_die(file(), round);
    EXPECT_EQ(stored("committed"), round);
    EXPECT_EQ(stored("half"), "none");
  }
}

TEST_F(StoreTest, CheckpointRunsBesideWrites) {
  Store store{file()};
  Table<Note> notes{store, "notes"};
  std::atomic<bool> done{false};
  std::thread worker{[&] {
    while (!done) store.checkpoint();
  }};
  for (int n = 0; n < 500; ++n) {
    store.update([&](Transaction& tx) { notes.put(tx, std::to_string(n % 10), {std::string(2000, 'x')}); });
  }
  done = true;
  worker.join();
  store.checkpoint();
  EXPECT_GT(fs::file_size(file()), 10U * 2000U);
}

TEST_F(StoreTest, LogStopsGrowingOnceCheckpointsRun) {
  Store store{file()};
  Table<Note> notes{store, "notes"};
  for (int n = 0; n < 500; ++n) {
    store.update([&](Transaction& tx) { notes.put(tx, "a", {std::string(5000, 'x')}); });
    if (n % 50 == 0) store.checkpoint();
  }
  EXPECT_LT(fs::file_size(file().string() + "-wal"), std::uintmax_t{1} << 20);
}

TEST_F(StoreTest, DamagedDatabaseIsRefusedAndLeftAsItIs) {
  { const Store store{file()}; }
  for (const std::string& damage : {std::string{"not a database at all, but a text of some length"}, std::string{}}) {
    std::ofstream{file(), std::ios::trunc} << damage;
    EXPECT_THAT(refusal(), HasSubstr("is damaged"));
    EXPECT_EQ(read_file(file()), damage);
  }
}

TEST_F(StoreTest, DamageWithinTheDatabaseIsNoticedAtStart) {
  {
    Store store{file()};
    Table<Note> notes{store, "notes"};
    store.update([&](Transaction& tx) {
      for (int n = 0; n < 200; ++n) notes.put(tx, std::to_string(n), {std::string(500, 'x')});
    });
  }
  std::fstream patched{file(), std::ios::in | std::ios::out | std::ios::binary};
  patched.seekp(3 * 4096);
  patched << std::string(4096, '\xff');
  patched.close();
  EXPECT_THAT(refusal(), HasSubstr("is damaged"));
}

TEST_F(StoreTest, LostDatabaseIsNotMadeAnew) {
  std::ofstream{file().string() + "-wal"} << "what was committed";
  EXPECT_THAT(refusal(), HasSubstr("is gone"));
}

TEST_F(StoreTest, ForeignDatabaseIsRefused) {
  { const Store store{file()}; }
  Connection{file()}.execute("PRAGMA application_id = 1");
  EXPECT_THAT(refusal(), HasSubstr("not one of gantryd's"));
}

TEST_F(StoreTest, DatabaseOfANewerVersionIsRefused) {
  { const Store store{file()}; }
  Connection{file()}.execute("PRAGMA user_version = 1000");
  EXPECT_THAT(refusal(), HasSubstr("from a newer gantryd"));
}

TEST_F(StoreTest, MigratesStepByStepAllOrNothing) {
  create_database(file());
  Connection connection{file()};
  const std::string version = "PRAGMA user_version";
  const std::int64_t first = connection.integer(version.c_str());
  std::vector<const char*> steps{schema_steps().begin(), schema_steps().end()};
  steps.push_back("CREATE TABLE more (a)");
  steps.push_back("nonsense");
  EXPECT_THROW(migrate(connection, steps), Error);
  EXPECT_EQ(connection.integer(version.c_str()), first);
  EXPECT_EQ(connection.integer("SELECT count(*) FROM sqlite_master WHERE name = 'more'"), 0);
  steps.back() = "INSERT INTO more VALUES (1)";
  migrate(connection, steps);
  EXPECT_EQ(connection.integer(version.c_str()), first + 2);
  EXPECT_EQ(connection.integer("SELECT a FROM more"), 1);
}

TEST_F(StoreTest, UnreadableRecordIsNamed) {
  Store store{file()};
  Table<Note> notes{store, "notes"};
  store.update([&](Transaction& tx) { notes.put(tx, "bad", {"unreadable"}); });
  try {
    const Table<Note> again{store, "notes"};
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("notes bad"));
  }
}

TEST_F(StoreTest, CommitIsCheap) {
  Store store{file()};
  Table<Note> notes{store, "notes"};
  const std::string body(4000, 'x');
  std::vector<std::chrono::nanoseconds> times;
  for (int n = 0; n < 1000; ++n) {
    const auto begin = std::chrono::steady_clock::now();
    store.update([&](Transaction& tx) { notes.put(tx, std::to_string(n % 50), {body}); });
    times.push_back(std::chrono::steady_clock::now() - begin);
  }
  std::ranges::sort(times);
  RecordProperty("median_commit_ns", static_cast<int>(times[times.size() / 2].count()));
  // A sync to the disk would take milliseconds.
  EXPECT_LT(times[times.size() / 2], std::chrono::milliseconds{1});
  if (std::getenv("GANTRY_TIMES") != nullptr)
    std::printf("commit: %lld ns\n", static_cast<long long>(times[500].count()));
}

}  // namespace
}  // namespace gantry::state
