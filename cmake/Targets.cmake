# How this project's targets are made: one call for each folder.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(GANTRY_PLUGIN_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib/gantry/plugins")

# The last ones give false positives in the standard library and in Asio once g++ inlines (12 to 14).
set(GANTRY_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
    -Wno-free-nonheap-object -Wno-mismatched-new-delete -Wno-dangling-reference -Wno-dangling-pointer -Wno-null-dereference)

# Several files a compilation: what takes the time is Asio's and nlohmann/json's templates, once for each. So a name in an
# anonymous namespace says which file it is of. CMAKE_UNITY_BUILD=OFF compiles each file alone.
if(CMAKE_UNITY_BUILD)
  # The frame of a coroutine holds types of its own file, which g++ believes to be a header.
  list(APPEND GANTRY_WARNINGS -Wno-subobject-linkage)
endif()

# Nearly two hundred programs and libraries: lld links them in a fifth of the time. What is installed is linked by the
# platform's own linker.
find_program(GANTRY_LLD ld.lld)
if(GANTRY_LLD AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  add_link_options(-fuse-ld=lld)
endif()

# gantry_library(NAME SOURCES ... DEPENDS ... PRIVATE_DEPENDS ...): a static library of the core, gantry-NAME.
function(gantry_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(gantry-${name} STATIC ${ARG_SOURCES})
  target_include_directories(gantry-${name} PUBLIC ${PROJECT_SOURCE_DIR}/core)
  target_compile_options(gantry-${name} PRIVATE ${GANTRY_WARNINGS})
  target_link_libraries(gantry-${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
endfunction()

# gantry_driver(NAME SOURCES ... DEPENDS ...): a driver of the default set, lib/gantry/plugins/NAME.so, and the same
# objects as a static library NAME-objects for its own unit tests.
function(gantry_driver name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name}-objects OBJECT ${ARG_SOURCES})
  target_compile_options(${name}-objects PRIVATE ${GANTRY_WARNINGS})
  target_include_directories(${name}-objects PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name}-objects PUBLIC gantry::plugin-api ${ARG_DEPENDS})
  add_library(${name} MODULE plugin.cpp)
  target_compile_options(${name} PRIVATE ${GANTRY_WARNINGS})
  target_link_libraries(${name} PRIVATE ${name}-objects)
  gantry_driver_properties(${name})
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${GANTRY_PLUGIN_OUTPUT_DIRECTORY}")
  install(TARGETS ${name} LIBRARY DESTINATION lib/gantry/plugins)
endfunction()

# gantry_test(NAME [ROOT] [E2E] SOURCES ... DEPENDS ...): a GoogleTest program. ROOT: it needs root and runs in network,
# mount and PID namespaces of its own (tests/isolation). E2E: a user's session with a real daemon; gantry_test_suites has
# its tests run.
function(gantry_test name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(ARG "ROOT;E2E" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${GANTRY_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock)
  if(ARG_ROOT)
    target_link_libraries(${name} PRIVATE gantry-test-isolation GTest::gtest)
    set(labels root)
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
    set(labels unit)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(ARG_E2E)
    return()
  endif()
  # One variable a property: gtest_discover_tests tears a list apart.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${labels} TIMEOUT 600
    ENVIRONMENT "GANTRY_TEST_DOCKER=${GANTRY_TEST_DOCKER}"
    ENVIRONMENT_MODIFICATION "GANTRY_TEST_REGISTRY=set:${GANTRY_TEST_REGISTRY}")
endfunction()

# gantry_test_suites(NAME PREFIX [SUITES ...] [FIRST ...] PROPERTIES ...): the tests of an E2E program, suite by suite, as
# PREFIX.SUITE, or PREFIX.SUITE.CLIENT of what is run by `gantry` and by `docker`. SUITES: these only, by `gantry` only.
# FIRST: those that take longest.
function(gantry_test_suites name prefix)
  if(NOT TARGET ${name})
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 2 ARG "" "" "SUITES;FIRST;PROPERTIES")
  set(filter)
  foreach(suite ${ARG_SUITES})
    string(APPEND filter "${suite}.*:*/${suite}.*:")
  endforeach()
  if(filter)
    string(APPEND filter "-*/docker")
  else()
    set(filter "*")
  endif()
  set(file "${CMAKE_CURRENT_BINARY_DIR}/${prefix}_suites.cmake")
  file(WRITE "${file}" "set(program [==[${CMAKE_BINARY_DIR}/tests/${name}]==])
set(prefix ${prefix})
set(filter [==[${filter}]==])
set(first ${ARG_FIRST})
set(properties SKIP_RETURN_CODE 77 ${ARG_PROPERTIES})
include([==[${PROJECT_SOURCE_DIR}/cmake/AddSuites.cmake]==])
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${file}")
endfunction()
