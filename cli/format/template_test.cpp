#include "format/template.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace gantry::cli {
namespace {

const Json kData = Json::parse(R"({
  "Name": "web", "Id": "abc", "Count": 3, "On": true, "Off": false, "None": null, "Ratio": 0.5,
  "List": ["a", "b"], "Map": {"y": "2", "x": "1"},
  "State": {"Health": {"Status": "healthy"}},
  "Ports": {"80/tcp": [{"HostPort": "8080"}]},
  "()Label": {"a": "b"}})");

std::string run(const char* text) { return Template(text).execute(kData); }
std::string run_row(const char* text) { return Template(text).execute({go_row_type("*formatter.RowContext"), kData}); }
std::string run_typed(const char* text) {
  const Json container = {{"Id", "abc"},
                          {"State", {{"Status", "exited"}, {"ExitCode", 3}}},
                          {"Config", {{"Labels", {{"a", "b"}}}, {"Cmd", {"x"}}}},
                          {"HostConfig", {{"ShmSize", 64}, {"NetworkMode", "host"}}},
                          {"NetworkSettings", {{"Ports", {{"80/tcp", nullptr}}}}}};
  return Template(text).execute({go_type("container.InspectResponse"), container});
}

// What goes wrong in it, or in reading it.
template <class Run>
std::string error_of(Run run, const char* text) {
  try {
    return "no error: " + run(text);
  } catch (const TemplateError& error) {
    return error.what();
  }
}

TEST(Template, PrintsFieldsAsGoDoes) {
  EXPECT_EQ(run("{{.Name}}-{{.Count}}"), "web-3");
  EXPECT_EQ(run("{{.Map.none}}"), "<no value>");
  EXPECT_EQ(run("{{.List}} {{.Map}} {{.On}} {{.Ratio}} {{.None}}"), "[a b] map[x:1 y:2] true 0.5 <no value>");
  EXPECT_EQ(run("{{.State.Health.Status}}"), "healthy");
}

TEST(Template, TrimsSpace) {
  EXPECT_EQ(run("a {{- .Name -}} b"), "awebb");
  EXPECT_EQ(run("a {{/* a comment */}} b"), "a  b");
}

TEST(Template, Branches) {
  EXPECT_EQ(run("{{if .On}}yes{{else}}no{{end}}"), "yes");
  EXPECT_EQ(run("{{if .Off}}1{{else if eq .Name \"web\"}}2{{else}}3{{end}}"), "2");
  EXPECT_EQ(run("{{with .State}}{{.Health.Status}}{{end}}"), "healthy");
  EXPECT_EQ(run("{{with .None}}x{{else}}none{{end}}"), "none");
}

TEST(Template, Loops) {
  EXPECT_EQ(run("{{range .List}}[{{.}}]{{end}}"), "[a][b]");
  EXPECT_EQ(run("{{range $i, $e := .List}}{{$i}}={{$e}} {{end}}"), "0=a 1=b ");
  EXPECT_EQ(run("{{range $k, $v := .Map}}{{$k}}{{$v}}{{end}}"), "x1y2");
  EXPECT_EQ(run("{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}"), "a");
  EXPECT_EQ(run("{{range $p, $c := .Ports}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}"), "80/tcp -> 8080");
  EXPECT_EQ(run("{{range .None}}x{{else}}empty{{end}}"), "empty");
}

TEST(Template, KeepsVariables) {
  EXPECT_EQ(run("{{$x := .Name}}{{range .List}}{{$x}}{{.}} {{end}}"), "weba webb ");
  EXPECT_EQ(run("{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}"), "2");
  EXPECT_EQ(run("{{range .List}}{{$.Name}}{{end}}"), "webweb");
}

TEST(Template, Pipes) {
  EXPECT_EQ(run("{{.Name | upper | printf \"%s!\"}}"), "WEB!");
  EXPECT_EQ(run("{{json .Map}}"), R"({"y":"2","x":"1"})");
  EXPECT_EQ(run("{{join (split \"a b\" \" \") \",\"}}"), "a,b");
  EXPECT_EQ(run("{{index (split \"a:b\" \":\") 1}}"), "b");
  EXPECT_EQ(run("{{len .List}} {{title \"one two\"}} {{truncate .Name 2}} {{pad .Name 1 2}}|"), "2 One Two we  web  |");
  EXPECT_EQ(run("{{printf \"%-5s|%5d|%q|%v\" .Name .Count .Name .List}}"), "web  |    3|\"web\"|[a b]");
  EXPECT_EQ(run("{{println .Name .Count}}"), "web 3\n");
  EXPECT_EQ(run("{{index .Map \"x\"}}{{index .List 1}}"), "1b");
  EXPECT_EQ(run("{{slice .Name 1 2}}"), "e");
}

TEST(Template, Compares) {
  EXPECT_EQ(run("{{and .On .Name}} {{or .Off .Name}} {{not .On}}"), "web web false");
  EXPECT_EQ(run("{{gt .Count 2}} {{le .Count 2}} {{ne .Name \"x\"}} {{eq .Name \"a\" \"web\"}}"),
            "true false true true");
  EXPECT_EQ(run("{{and .Off (index .List 9)}}"), "false");
}

TEST(Template, CallsMethodsOfRows) {
  EXPECT_EQ(run_row("{{.Label \"a\"}}/{{\"missing\" | .Label}}"), "b/");
  EXPECT_EQ(run_row("{{json .}}{{.}}").find("()Label"), std::string::npos);
  EXPECT_EQ(run_row("{{.None}}"), "<nil>");
  const std::string at = "template: :1:2: executing \"\" at <";
  EXPECT_EQ(error_of(run_row, "{{.Label}}"), at + ".Label>: wrong number of args for Label: want 1 got 0");
  EXPECT_EQ(error_of(run_row, "{{.Name 1}}"), at + ".Name>: wrong number of args for Name: want 0 got 1");
  EXPECT_EQ(error_of(run_row, "{{.Foo}}"), at + ".Foo>: can't evaluate field Foo in type *formatter.RowContext");
  EXPECT_EQ(error_of(run_row, "{{range .}}{{end}}").substr(0, 70),
            "template: :1:8: executing \"\" at <.>: range can't iterate over map[Coun");
}

TEST(Template, SaysWhatIsWrong) {
  EXPECT_THROW(Template("{{foo}}"), TemplateError);
  EXPECT_THROW(Template("{{if .A}}"), TemplateError);
  EXPECT_THROW(Template("{{.A"), TemplateError);
  EXPECT_THROW(Template("{{end}}"), TemplateError);
  EXPECT_THROW(Template("{{\"open}}"), TemplateError);
}

TEST(Template, NamesTheWholeChain) {
  Template text("{{.State.Foo.Bar}}");
  text.refuse_missing_keys();
  EXPECT_EQ(error_of([&](const char*) { return text.execute(kData); }, ""),
            "template: :1:8: executing \"\" at <.State.Foo.Bar>: map has no entry for key \"Foo\"");
  EXPECT_EQ(error_of(run, "{{.Name.Foo}}"),
            "template: :1:7: executing \"\" at <.Name.Foo>: can't evaluate field Foo in type interface {}");
  EXPECT_EQ(error_of(run, "a\n {{index .List 5}}"),
            "template: :2:3: executing \"\" at <index .List 5>: error calling index: index out of range: 5");
  EXPECT_EQ(error_of(run, "{{join .Name \",\"}}"),
            "template: :1:7: executing \"\" at <.Name>: wrong type for value; expected []string; got string");
  EXPECT_EQ(error_of(run, "{{1 2}}"), "template: :1:2: executing \"\" at <1>: can't give argument to non-function 1");
  EXPECT_EQ(error_of(run, "{{eq 1 \"a\"}}"),
            "template: :1:2: executing \"\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison");
  EXPECT_EQ(error_of(run, "{{call .Id}}"),
            "template: :1:2: executing \"\" at <call .Id>: error calling call: non-function .Id of type string");
  EXPECT_EQ(error_of(run, "{{len}}"),
            "template: :1:2: executing \"\" at <len>: wrong number of args for len: want 1 got 0");
}

TEST(Template, ParsesAsGoDoes) {
  const std::string begin = "template: :1: ";
  EXPECT_EQ(error_of(run, "{{foo}}"), begin + "function \"foo\" not defined");
  EXPECT_EQ(error_of(run, "{{if}}"), begin + "missing value for if");
  EXPECT_EQ(error_of(run, "{{if .Id}}"), begin + "unexpected EOF");
  EXPECT_EQ(error_of(run, "{{else}}"), begin + "unexpected {{else}}");
  EXPECT_EQ(error_of(run, "{{break}}"), begin + "{{break}} outside {{range}}");
  EXPECT_EQ(error_of(run, "{{)}}"), begin + "unexpected right paren");
  EXPECT_EQ(error_of(run, "{{$x}}"), begin + "undefined variable \"$x\"");
  EXPECT_EQ(error_of(run, "{{.Id | 3}}"), begin + "non executable command in pipeline stage 2");
  EXPECT_EQ(error_of(run, "{{.Id.}}"), begin + "unexpected <.> in operand");
  EXPECT_EQ(error_of(run, "{{\"a}}"), begin + "unterminated quoted string");
}

TEST(Template, ReadsLiterals) {
  EXPECT_EQ(run("{{1e3}} {{0x10}} {{1_000}} {{07}} {{0b11}} {{1.50}} {{-2}} {{'a'}}"), "1000 16 1000 7 3 1.5 -2 97");
  EXPECT_EQ(run("{{\"\\u00e9\\x41\\101\\n\"}}{{`\\n`}}"), "\u00e9AA\n\\n");
}

TEST(Template, EscapesAndTellsTypes) {
  EXPECT_EQ(run("{{html \"<a>\"}} {{js \"a<b\"}} {{urlquery \"a b&\"}}"), "&lt;a&gt; a\\u003Cb a+b%26");
  EXPECT_EQ(run("{{printf \"%T %T %T %d\" .Name .Map .None .Name}}"),
            "string map[string]interface {} <nil> %!d(string=web)");
}

TEST(Template, DefinesOthers) {
  EXPECT_EQ(run("{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" .Name}}{{template \"x\"}}"), "<web><<no value>>");
  EXPECT_EQ(run("{{block \"q\" .Id}}[{{.}}]{{end}}"), "[abc]");
  EXPECT_EQ(error_of(run, "{{template \"x\"}}"),
            "template: :1:11: executing \"\" at <{{template \"x\"}}>: template \"x\" not defined");
  EXPECT_NE(error_of(run, "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}").find("maximum template depth"),
            std::string::npos);
}

TEST(Template, KnowsWhatJsonLeavesOut) {
  EXPECT_EQ(
      run_typed("{{.Config.Env}} {{json .Config.Env}} {{len .Config.Env}} {{.Config.Volumes}} {{.HostConfig.Tmpfs}}"),
      "[] null 0 map[] map[]");
  EXPECT_EQ(run_typed("{{.State.Health}} {{.HostConfig.PidsLimit}} {{.HostConfig.Init}} {{json .State.Health}}"),
            "<nil> <nil> <nil> null");
  EXPECT_EQ(run_typed("[{{index .Config.Labels \"zz\"}}] {{.Config.Labels.zz}} {{index .Config.Labels \"a\"}}"),
            "[] <no value> b");
  EXPECT_EQ(run_typed("{{.ID}} {{.State.ExitCode}} {{.State.Pid}} {{.HostConfig.Memory}}"), "abc 3 0 0");
  EXPECT_EQ(run_typed("{{.State}}"), "{exited false false false false false 0 3    <nil>}");
  EXPECT_EQ(run_typed("{{printf \"%T %T\" .State .Config.Env}}"), "*container.State []string");
  EXPECT_EQ(
      error_of(run_typed, "{{.State.Health.Status}}"),
      "template: :1:8: executing \"\" at <.State.Health.Status>: nil pointer evaluating *container.Health.Status");
  EXPECT_EQ(error_of(run_typed, "{{.Foo}}"),
            "template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type container.InspectResponse");
  EXPECT_EQ(run_typed("{{json .State}}"),
            R"({"Status":"exited","Running":false,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,)"
            R"("Pid":0,"ExitCode":3,"Error":"","StartedAt":"","FinishedAt":""})");
}

// Whether each field of the type and of those within has a type.
void expect_whole(const GoType* type, const std::string& name, std::set<const GoType*>& seen) {
  ASSERT_NE(type, nullptr) << name;
  if (!seen.insert(type).second) return;
  if (type->element != nullptr) expect_whole(type->element, name, seen);
  for (const GoField& field : type->fields) expect_whole(field.type, type->name + "." + field.name, seen);
}

TEST(GoTypes, AreAllThere) {
  std::set<const GoType*> seen;
  for (const char* name : {"container.InspectResponse", "image.InspectResponse", "network.Inspect", "volume.Volume",
                           "system.dockerInfo", "system.versionInfo", "*events.Message"}) {
    expect_whole(go_type(name), name, seen);
  }
}

TEST(Template, SurvivesDepth) {
  std::string deep = "{{";
  deep.append(100'000, '(');
  EXPECT_THROW(Template{deep + "}}"}, TemplateError);
}

TEST(Template, KeepsWhatIsEmptyInALine) { EXPECT_EQ(run("{{split .Name \"w\"}}"), "[ eb]"); }

TEST(Template, PrintsByNumberAndByName) {
  EXPECT_EQ(run("{{printf \"%[2]d %[1]d\" 1 2}}"), "2 1");
  EXPECT_EQ(run("{{printf \"%[3]d\" 1 2}}"), "%!d(BADINDEX)");
  EXPECT_EQ(run("{{printf \"%U\" 65}}"), "U+0041");
  EXPECT_EQ(run_typed("{{printf \"%+v\" .HostConfig.RestartPolicy}}"), "{Name: MaximumRetryCount:0}");
  EXPECT_EQ(run_typed("{{printf \"%#v\" .HostConfig.RestartPolicy}}"),
            "container.RestartPolicy{Name:\"\", MaximumRetryCount:0}");
  EXPECT_EQ(run_typed("{{printf \"%#v %#v\" .State.Status .Config.Labels}}"),
            "\"exited\" map[string]string{\"a\":\"b\"}");
}

TEST(Template, NamesWhatEndsAWordAndMayNot) {
  const std::string begin = "template: :1: ";
  EXPECT_EQ(error_of(run, "{{.Na-me}}"), begin + "bad character U+002D '-'");
  EXPECT_EQ(error_of(run, "{{.Name}"), begin + "bad character U+007D '}'");
  EXPECT_EQ(error_of(run, "{{..Name}}"), begin + "unexpected . after term \".\"");
  EXPECT_EQ(error_of(run, "{{range $a, $b, $c := .List}}{{end}}"), begin + "too many declarations in range");
  EXPECT_EQ(error_of(run, "{{$a, $b := .List}}"), begin + "too many declarations in command");
  EXPECT_EQ(error_of(run, "{{range $a, b := .List}}{{end}}"), begin + "range can only initialize variables");
}

TEST(Template, TellsTheEndOfTextsAndLists) {
  const auto index = [](const std::string& what) {
    return "template: :1:2: executing \"\" at <index " + what + ">: error calling index: ";
  };
  EXPECT_EQ(error_of(run, "{{index .Name 3}}"), index(".Name 3") + "reflect: string index out of range");
  EXPECT_EQ(error_of(run, "{{index .List 2}}"), index(".List 2") + "reflect: slice index out of range");
}

}  // namespace
}  // namespace gantry::cli
