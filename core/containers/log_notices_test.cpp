#include "containers/log_notices.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>

#include "base/id.hpp"

namespace gantry::containers {
namespace {

namespace fs = std::filesystem;

TEST(LogNotices, AreTakenEvenIfTheSystemTellsOfNoChanges) {
  const fs::path folder = fs::temp_directory_path() / ("gantry-" + random_id());
  boost::asio::io_context context;
  const auto changes = std::make_shared<FolderChanges>(context.get_executor());
  {
    // As with all inotify instances taken: there is no descriptor for one.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    fs::create_directory(folder);
    const rlimit none{3, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const LogNotices notices{context.get_executor(), changes, folder, std::chrono::milliseconds{1}};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    std::ofstream{folder / "notice"} << "container c1: lost";
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (fs::exists(folder / "notice") && std::chrono::steady_clock::now() < limit)
      context.run_one_for(std::chrono::seconds{1});
    EXPECT_FALSE(fs::exists(folder / "notice"));
    // By now there is an instance.
    std::ofstream{folder / ".draft"} << "container c1: more";
    fs::rename(folder / ".draft", folder / "another");
    while (fs::exists(folder / "another") && std::chrono::steady_clock::now() < limit)
      context.run_one_for(std::chrono::seconds{1});
    EXPECT_FALSE(fs::exists(folder / "another"));
  }
  fs::remove_all(folder);
}

TEST(LogNotices, AreNotTakenForWhoIsGone) {
  const fs::path folder = fs::temp_directory_path() / ("gantry-" + random_id());
  fs::create_directory(folder);
  boost::asio::io_context context;
  const auto changes = std::make_shared<FolderChanges>(context.get_executor());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto notices = std::make_unique<LogNotices>(context.get_executor(), changes, folder, std::chrono::milliseconds{0});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  std::ofstream{folder / "notice"} << "container c1: lost";
  // Expired by now, and asked for before the timer's call, which the reactor puts behind it.
  boost::asio::post(context, [&] { notices.reset(); });
  context.run();
  EXPECT_TRUE(fs::exists(folder / "notice"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace gantry::containers
