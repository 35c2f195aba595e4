# Installs BUILD into WORK/prefix (made anew), looks at what is there, and builds drivers from it and nothing else.
# Takes BUILD, WORK, CXX, CXX_FLAGS, LAUNCHER.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    message(FATAL_ERROR "${ARGV}\n${output}")
  endif()
endfunction()

function(build_driver source)
  run("${CMAKE_COMMAND}" -G Ninja -S "${source}" -B "${source}-build" "-DCMAKE_PREFIX_PATH=${WORK}/prefix"
      "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
  run("${CMAKE_COMMAND}" --build "${source}-build")
endfunction()

# The first block of the page that begins with ```LANGUAGE, as a file.
function(take_block page language file)
  file(READ "${page}" text)
  string(FIND "${text}" "```${language}\n" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "${page} has no block of ${language}")
  endif()
  string(SUBSTRING "${text}" ${begin} -1 text)
  string(FIND "${text}" "\n" begin)
  math(EXPR begin "${begin} + 1")
  string(SUBSTRING "${text}" ${begin} -1 text)
  string(FIND "${text}" "```" end)
  string(SUBSTRING "${text}" 0 ${end} text)
  file(WRITE "${file}" "${text}")
endfunction()

file(REMOVE_RECURSE "${WORK}")
set(prefix "${WORK}/prefix")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")

foreach(file bin/gantryd bin/gantry bin/gantry-driver-test lib/gantry/libexec/gantry-shim lib/gantry/libexec/gantry-fetch lib/gantry/libexec/gantry-logger lib/gantry/libexec/gantry-driver-host include/gantry/abi.hpp
             lib/systemd/system/gantry.service lib/systemd/system/gantry.socket lib/sysusers.d/gantry.conf
             share/doc/gantry/README.md share/doc/gantry/LICENSE share/doc/gantry/CONTRACT.md
             share/doc/gantry/configuration.md share/doc/gantry/drivers.md)
  if(NOT EXISTS "${prefix}/${file}")
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()
foreach(driver storage-btrfs storage-overlay storage-vfs net-bridge net-host net-ipvlan net-macvlan net-none net-plugin ipam-dhcp ipam-plugin volume-local volume-plugin runtime-native runtime-oci registry-hub registry-oci-layout builder-dockerfile
               log-fluentd log-gelf log-journald log-json-file log-local log-none log-syslog)
  if(NOT EXISTS "${prefix}/lib/gantry/plugins/${driver}.so")
    message(FATAL_ERROR "the driver ${driver} was not installed")
  endif()
endforeach()
file(STRINGS "${prefix}/lib/systemd/system/gantry.service" start REGEX "^ExecStart=")
if(NOT start STREQUAL "ExecStart=${prefix}/bin/gantryd -H fd://")
  message(FATAL_ERROR "gantry.service starts another program: ${start}")
endif()

take_block("${prefix}/share/doc/gantry/drivers.md" cmake "${WORK}/mine/CMakeLists.txt")
take_block("${prefix}/share/doc/gantry/drivers.md" cpp "${WORK}/mine/driver.cpp")
build_driver("${WORK}/mine")
file(COPY "${prefix}/share/doc/gantry/examples/" DESTINATION "${WORK}/examples")
build_driver("${WORK}/examples")
