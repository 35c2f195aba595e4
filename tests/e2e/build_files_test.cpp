// What COPY and ADD do beyond copying: layers that stand alone, parents, exclusions, archives; by both clients.

#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BuildFiles : public BothClients {
 protected:
  static fs::path context(const std::map<std::string, std::string>& files) {
    const fs::path folder = daemon->root() / "context";
    fs::remove_all(folder);
    for (const auto& [name, content] : files) {
      fs::create_directories((folder / name).parent_path());
      std::ofstream(folder / name) << content;
    }
    return folder;
  }
  static void write_recipe(const std::string& text) { std::ofstream(daemon->root() / "context/Dockerfile") << text; }
  static Result build(const std::string& flags = {}) {
    return run("build " + flags + " " + (daemon->root() / "context").string());
  }
  /// The top layer's diff ID.
  static std::string top_layer(const std::string& image) {
    return run("inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' " + image + " | grep . | tail -1").line();
  }
  void TearDown() override {
    if (!IsSkipped()) daemon->cli("image prune -f");
    if (!IsSkipped()) daemon->cli("builder prune -f");
    BothClients::TearDown();
  }
};
INSTANTIATE_TEST_SUITE_P(By, BuildFiles, ::testing::Values("gantry", "docker"), client_name);

TEST_P(BuildFiles, LinkedStandOnNothingBelow) {
  context({{"f", "x\n"}});
  write_recipe(
      "FROM busybox\nRUN mkdir /real && ln -s /real /ln && mkdir -p /kept && echo k >/kept/k\n"
      "COPY --link f /ln/f\nCOPY --link f /kept/\n"
      "RUN echo $(readlink /ln; ls /real; ls /ln /kept)\n");
  const Result built = build("--no-cache");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\n/kept: f k /ln: f\n")) << "the link has given way to a directory";
  // Who names an owner may mean one of the image's: then it is a copy like any other.
  write_recipe(
      "FROM busybox\nRUN mkdir /real && ln -s /real /ln\nCOPY --link --chown=1:2 f /ln/f\nRUN ls -n /real/f\n");
  EXPECT_THAT(build("--no-cache").out, HasSubstr(" 1        2 "));
}

TEST_P(BuildFiles, LinkedAreCachedWhateverIsBelow) {
  context({{"f", "x\n"}});
  write_recipe("FROM busybox\nRUN echo one\nWORKDIR /w\nCOPY --link f d/\n");
  ASSERT_EQ(build("-t one").code, 0);
  write_recipe("FROM busybox\nRUN echo two >/two\nWORKDIR /w\nCOPY --link f d/\nRUN echo above\n");
  const Result second = build("-t two");
  EXPECT_THAT(second.out,
              AllOf(HasSubstr("RUN echo two >/two\n ---> Running in"), HasSubstr("COPY --link f d/\n ---> Using cache"),
                    HasSubstr("RUN echo above\n ---> Running in")))
      << second.err;
  EXPECT_EQ(run("run --rm two cat /two /w/d/f").out, "two\nx\n");
  write_recipe("FROM busybox\nRUN echo two >/two\nWORKDIR /w\nCOPY --link f d/\n");
  ASSERT_EQ(build("-t two").code, 0);
  EXPECT_EQ(top_layer("one"), top_layer("two"));
  // Another place, other content, and a copy that is not linked are other steps.
  for (const char* step : {"WORKDIR /v\nCOPY --link f d/\n", "WORKDIR /w\nCOPY f d/\n"}) {
    write_recipe("FROM busybox\nRUN echo before " + std::to_string(std::strlen(step)) + "\n" + step);
    EXPECT_THAT(build().out, Not(HasSubstr("Using cache"))) << step;
  }
  std::ofstream(daemon->root() / "context/f") << "y\n";
  write_recipe("FROM busybox\nRUN echo four\nWORKDIR /w\nCOPY --link f d/\n");
  EXPECT_THAT(build("-t four").out, Not(HasSubstr("Using cache")));
  EXPECT_EQ(run("run --rm four cat /w/d/f").out, "y\n");
  run("rmi one two four");
}

// Who can build here must not be able to choose what somebody else's COPY --link makes.
TEST_P(BuildFiles, LinkedAreNotTakenFromACommandThatIsWordedLikeThem) {
  context({{"f", "mine\n"}});
  const std::string honest = "FROM busybox\nRUN echo honest >/honest\nCOPY --link f /app/\n";
  write_recipe(honest);
  ASSERT_EQ(build("-t honest").code, 0);
  const std::string worded = run("history --no-trunc --format '{{.CreatedBy}}' honest").lines().at(0);
  ASSERT_THAT(worded, AllOf(HasSubstr("/bin/sh -c #(nop) COPY file:"), HasSubstr("in --link /app/")));
  ASSERT_EQ(run("rmi honest").code, 0);
  ASSERT_EQ(daemon->cli("builder prune -af").code, 0);
  // The image below decides what such a command does.
  const std::string command = worded.substr(std::strlen("/bin/sh -c "));
  write_recipe(
      "FROM busybox\nRUN rm /bin/sh && printf '#!/bin/busybox ash\\n/bin/busybox touch /stolen\\n' >/bin/sh && "
      "chmod 755 /bin/sh\nRUN [\"/bin/sh\", \"-c\", \"" +
      command + "\"]\n");
  const Result attack = build("-t attack");
  ASSERT_EQ(attack.code, 0) << attack.err << attack.out;
  ASSERT_EQ(run("history --no-trunc --format '{{.CreatedBy}}' attack").lines().at(0), worded)
      << "else this is no attack";
  ASSERT_EQ(run("run --rm --entrypoint /bin/busybox attack ls /stolen").out, "/stolen\n");
  write_recipe(honest);
  ASSERT_EQ(build("-t honest").code, 0);
  EXPECT_EQ(run("run --rm honest sh -c 'cat /app/f; ls /stolen 2>/dev/null'").out, "mine\n");
  run("rmi honest attack");
}

TEST_P(BuildFiles, KeepParentsUpToAPivot) {
  context({{"a/b/f", "1"}, {"a/c/g", "2"}, {"a/c/skip", "3"}, {"other/h", "4"}});
  write_recipe(
      "FROM busybox\nCOPY --parents a/b/f other /whole/\nCOPY --parents a/./c /pivot/\nCOPY --parents a/*/[fg] /wild/\n"
      "COPY --parents --exclude=a/c/skip a/./c /less/\n"
      "RUN cd / && echo $(find whole pivot wild less -type f | sort)\n");
  const Result built = build("--no-cache");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nless/c/g less/c/skip pivot/c/g pivot/c/skip whole/a/b/f whole/other/h "
                                   "wild/a/b/f wild/a/c/g\n"));
}

TEST_P(BuildFiles, LeaveOutWhatIsExcluded) {
  context({{"d/a.txt", "1"}, {"d/b.log", "2"}, {"d/sub/c.log", "3"}, {"d/sub/keep.log", "4"}, {"d/sub/e.txt", "5"}});
  write_recipe(
      "FROM busybox AS made\nCOPY d /d\n"
      "FROM busybox\nCOPY --exclude=*.log --exclude=sub/e.txt d /one\nCOPY --exclude=**/*.log --exclude=!sub/keep.log "
      "d /two\n"
      "COPY --from=made --exclude=sub d /three\nADD --exclude=d/a.txt d/a.tx[t] d/b.log /four/\n"
      "RUN cd / && echo $(find one two three four -type f | sort)\n");
  const Result built = build("--no-cache");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nfour/a.txt four/b.log one/a.txt one/sub/c.log one/sub/keep.log three/a.txt "
                                   "three/b.log two/a.txt two/sub/e.txt two/sub/keep.log\n"));
}

TEST_P(BuildFiles, UnpackAsTheyAreTold) {
  const fs::path folder = context({{"in/f", "x\n"}});
  ASSERT_EQ(shell("cd " + folder.string() + " && tar -czf a.tgz in").code, 0);
  write_recipe(
      "FROM busybox\nADD a.tgz /usual/\nADD --unpack a.tgz /told/\nADD --unpack=false a.tgz /kept/\n"
      "ADD --unpack=true in/f /plain/\nRUN cd / && echo $(find usual told kept plain -type f | sort)\n");
  const Result built = build("--no-cache");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nkept/a.tgz plain/f told/in/f usual/in/f\n"));
  write_recipe("FROM busybox\nCOPY --unpack a.tgz /\n");
  EXPECT_THAT(build().err, HasSubstr("unknown flag: unpack"));
  write_recipe("FROM busybox\nADD --unpack=perhaps a.tgz /\n");
  EXPECT_THAT(build().err, HasSubstr("expecting boolean value for flag unpack, not: perhaps"));
}

/// A context in an archive on standard input: whole, packed, and with nodes of devices, which are what they are.
TEST_P(BuildFiles, AreThoseOfAnArchiveOnTheInput) {
  const fs::path folder = context({{"d/f", "x\n"}});
  write_recipe(
      "FROM busybox\nCOPY d /d\nCOPY null /alone\nRUN echo $(cd /d; find . | sort; stat -c '%F %t,%T' * /alone)\n"
      "RUN echo lost >/alone; cat /alone; cat /d/disk || echo refused\n");
  const Result packed = shell("cd " + folder.string() +
                              " && mknod null c 1 3 && mknod d/zero c 1 5 && mknod d/disk b 7 99 && mkfifo d/pipe &&"
                              " tar -cf ../c.tar . && gzip -k ../c.tar");
  ASSERT_EQ(packed.code, 0) << packed.err;
  const std::string client = std::string{GetParam()} == "docker" ? "$GANTRY_TEST_DOCKER" : program("gantry").string();
  for (const char* file : {"c.tar", "c.tar.gz"}) {
    const Result built =
        shell("DOCKER_BUILDKIT=0 " + client + " build --no-cache - <" + (daemon->root() / file).string(),
              daemon->environment());
    EXPECT_EQ(built.code, 0) << built.err;
    EXPECT_THAT(built.out, AllOf(HasSubstr("\n. ./disk ./f ./pipe ./zero block special file 7,63 regular file 0,0 fifo "
                                           "0,0 character special file 1,5 character special file 1,3\n"),
                                 HasSubstr("refused\n"), Not(HasSubstr("\nlost\n"))));
    fs::remove(daemon->root() / file);
  }
}

/// What a step is to have mounted goes into its own tree, wherever the image's links lead (CVE-2024-23651), and what
/// was made for it is looked for there alone (CVE-2024-23652).
TEST_P(BuildFiles, MountedThroughLinksLeadNowhereOut) {
  context({{"f", "x\n"}});
  const std::string outside = daemon->root() / "outside";
  fs::create_directories(outside + "/b");
  write_recipe("FROM busybox\nRUN ln -s " + outside +
               " /t\n"
               "RUN --mount=type=cache,target=/t/x --mount=type=bind,target=/t/y --mount=type=tmpfs,target=/t/z "
               "echo kept >/t/x/f && echo $(cat " +
               outside +
               "/x/f /t/y/f)\n"
               "RUN --mount=type=tmpfs,target=/u/b mv /u /moved && ln -s " +
               outside +
               " /u\n"
               "RUN echo $(ls " +
               outside + " || echo none)\n");
  const Result built = build("--no-cache");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nkept x\n"));
  EXPECT_EQ(shell("cd " + outside + " && find . | sort | xargs").line(), ". ./b") << "of the host";
  fs::remove_all(outside);
}

TEST_P(BuildFiles, KnowTheHostsAndThePlatformThatTheirUserGives) {
  context({{"f", "x"}});
  write_recipe("FROM busybox\nARG TARGETPLATFORM\nRUN grep other.test /etc/hosts; echo for $TARGETPLATFORM\n");
  const Result built = build("--no-cache --add-host other.test:192.0.2.7 --platform linux/amd64");
  EXPECT_THAT(built.out, AllOf(HasSubstr("192.0.2.7\tother.test\n"), HasSubstr("\nfor linux/amd64\n"))) << built.err;
  EXPECT_THAT(build("--add-host nonsense").err, HasSubstr("bad format for add-host: \"nonsense\""));
  write_recipe("FROM scratch\nCOPY f /f\n");
  ASSERT_EQ(build("--platform linux/arm64 -t armed").code, 0);
  EXPECT_EQ(run("inspect -f '{{.Os}}/{{.Architecture}}' armed").line(), "linux/arm64");
  EXPECT_THAT(build("--platform windows/amd64").err, HasSubstr("operating system is not supported"));
  EXPECT_NE(build("--platform no/such/thing/at/all").code, 0);
  run("rmi armed");
}

/// Not by docker's client, whose classic builder grants nothing.
TEST_P(BuildFiles, UseTheHostsDevicesIfTheirUserAllowsIt) {
  const fs::path folder = daemon->root() / "cdi";
  fs::create_directories(folder);
  std::ofstream{folder / "made.yaml"} << "cdiVersion: 0.5.0\nkind: made.test/dev\ndevices:\n"
                                         "- name: zero\n  containerEdits:\n    deviceNodes:\n    - path: /dev/zero2\n"
                                         "      hostPath: /dev/zero\n    env: [WHICH=zero]\n"
                                         "- name: full\n  containerEdits:\n    env: [FULL=yes]\n";
  daemon->kill(SIGTERM);
  daemon->write_config({{"cdi-spec-dirs", {folder.string()}}});
  ASSERT_TRUE(daemon->start()) << daemon->log();
  context({{"f", "x"}});
  write_recipe(
      "FROM busybox\nRUN --device=made.test/dev=zero,required head -c 3 /dev/zero2 | wc -c; echo $WHICH-$FULL\n");
  const Result refused = build("--no-cache");
  EXPECT_THAT(refused.err, HasSubstr("granting entitlement device=made.test/dev=zero is not allowed by the client"));
  write_recipe("FROM busybox\nRUN --device=no.such/dev=one,required true\n");
  EXPECT_THAT(build().err, HasSubstr("required device \"no.such/dev=one\" is not available"));
  write_recipe("FROM busybox\nRUN --device=no.such/dev=one echo done\n");
  EXPECT_THAT(build("--no-cache").out, AllOf(HasSubstr("\"no.such/dev=one\" is not available"), HasSubstr("done")));
  write_recipe("FROM busybox\nRUN --device=nothing true\n");
  EXPECT_THAT(build().err, HasSubstr("invalid device \"nothing\": use vendor.com/class=name"));
  if (std::string{GetParam()} == "gantry") {
    write_recipe(
        "FROM busybox\nRUN --device=made.test/dev=zero head -c 3 /dev/zero2 | wc -c; echo $WHICH-$FULL\n"
        "RUN --device=made.test/dev echo $WHICH-$FULL; test ! -e /dev/zero3\nRUN test ! -e /dev/zero2\n");
    const Result built = build("--no-cache --allow device");
    EXPECT_THAT(built.out, AllOf(HasSubstr("\n3\nzero-\n"), HasSubstr("\nzero-yes\n"))) << built.err;
    write_recipe("FROM busybox\nRUN --device=made.test/dev=zero echo $WHICH\n");
    EXPECT_EQ(build("--no-cache --allow device=made.test/dev=zero").code, 0);
    EXPECT_NE(build("--no-cache --allow device=made.test/dev=full").code, 0);
  }
  daemon->kill(SIGTERM);
  daemon->write_config(nlohmann::json::object());
  ASSERT_TRUE(daemon->start()) << daemon->log();
}

}  // namespace
}  // namespace gantry::e2e
