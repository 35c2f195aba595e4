#include "format/template.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gantry::cli {
namespace {

const Json kData = Json::parse(R"({
  "Name": "web", "Id": "abc", "Count": 3, "On": true, "Off": false, "None": null, "Ratio": 0.5,
  "List": ["a", "b"], "Map": {"y": "2", "x": "1"},
  "State": {"Health": {"Status": "healthy"}},
  "Ports": {"80/tcp": [{"HostPort": "8080"}]},
  "()Label": {"a": "b"}})");

std::string run(const char* text) { return Template(text).execute(kData); }

TEST(Template, PrintsFieldsAsGoDoes) {
  EXPECT_EQ(run("{{.Name}}-{{.Count}}"), "web-3");
  EXPECT_EQ(run("{{.Map.none}}"), "<no value>");
  EXPECT_EQ(run("{{.List}} {{.Map}} {{.On}} {{.Ratio}} {{.None}}"), "[a b] map[x:1 y:2] true 0.5 <no value>");
  EXPECT_EQ(run("{{.State.Health.Status}}"), "healthy");
  EXPECT_EQ(run("{{.ID}}"), "abc");
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
  EXPECT_EQ(run("{{join .List \",\"}}"), "a,b");
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
  EXPECT_EQ(run("{{.Label \"a\"}}/{{.Label \"missing\"}}"), "b/");
  EXPECT_EQ(run("{{json .}}").find("()Label"), std::string::npos);
}

TEST(Template, SaysWhatIsWrong) {
  EXPECT_THROW(Template("{{foo}}"), TemplateError);
  EXPECT_THROW(Template("{{if .A}}"), TemplateError);
  EXPECT_THROW(Template("{{.A"), TemplateError);
  EXPECT_THROW(Template("{{end}}"), TemplateError);
  EXPECT_THROW(Template("{{\"open}}"), TemplateError);
  try {
    run("{{.Foo}}");
    FAIL();
  } catch (const TemplateError& error) {
    EXPECT_STREQ(error.what(), "template: :1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\"");
  }
}

TEST(Template, SurvivesDepth) {
  std::string deep = "{{";
  deep.append(100'000, '(');
  EXPECT_THROW(Template{deep + "}}"}, TemplateError);
}

}  // namespace
}  // namespace gantry::cli
