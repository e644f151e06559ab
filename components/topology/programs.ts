// How nodes and links are drawn on the GPU. A node: a disc (the head a square) filled by its state, hollow and dashed when
// it is lost; around it a ring with one segment per link that it wants, bright for each that it holds; around that a halo
// when it is selected or a cut vertex. A link: solid, half, or dashed.
//
// Conventions of sigma 3 that these programs keep: positions are in its framed graph; `u_correctionRatio` is half a pixel
// there; colours come packed into one float, whose alpha byte has lost its lowest bit (the reason for 255/254); colours are
// blended premultiplied; with PICKING_MODE the colour is the item's id.
import { EdgeProgram, NodeProgram } from 'sigma/rendering';
import type { ProgramInfo } from 'sigma/rendering';
import type { Attributes } from 'graphology-types';
import type { EdgeDisplayData, NodeDisplayData, RenderParams } from 'sigma/types';
import { floatColor } from 'sigma/utils';

// The constants of WebGL, by value: this file must load where there is no WebGL.
const floatType = 5126;
const byteType = 5121;
const triangleStrip = 5;

const floats = (name: string, size: number) => ({ name, size, type: floatType });
const colour = (name: string) => ({ name, size: 4, type: byteType, normalized: true });

export interface NodeLook {
  /** `#rrggbb` each. */
  ringColor: string;
  haloColor: string;
  isSquare: boolean;
  isHollow: boolean;
  /** Segments of the ring; 0: none. More than 8 are drawn as one arc. */
  wanted: number;
  held: number;
  halo: 'none' | 'solid' | 'dotted';
  /** 0 to 1. */
  fade: number;
}

export interface LinkLook {
  line: 'solid' | 'half' | 'dashed';
  fade: number;
}

const maxSegments = 8;
const halos = { none: 0, solid: 1, dotted: 2 } as const;
const lines = { solid: 0, half: 1, dashed: 2 } as const;

const nodeVertexShader = /* glsl */ `
attribute vec2 a_corner;
attribute vec2 a_position;
attribute float a_size;
attribute vec4 a_shape;
attribute vec2 a_extra;
attribute vec4 a_fill;
attribute vec4 a_ring;
attribute vec4 a_haloColor;
attribute vec4 a_id;
uniform mat3 u_matrix;
uniform float u_sizeRatio;
uniform float u_correctionRatio;
varying vec2 v_point;
varying float v_pixel;
varying vec4 v_shape;
varying vec2 v_extra;
varying vec4 v_fill;
varying vec4 v_ring;
varying vec4 v_haloColor;
const float reach = 1.5;
void main() {
  float radius = 2.0 * a_size * u_correctionRatio / u_sizeRatio;
  vec2 place = a_position + a_corner * reach * radius;
  gl_Position = vec4((u_matrix * vec3(place, 1.0)).xy, 0.0, 1.0);
  v_point = a_corner * reach;
  v_pixel = u_sizeRatio / a_size;
  v_shape = a_shape;
  v_extra = a_extra;
  #ifdef PICKING_MODE
  v_fill = a_id;
  #else
  v_fill = a_fill;
  #endif
  v_ring = a_ring;
  v_haloColor = a_haloColor;
  v_fill.a *= 255.0 / 254.0;
  v_ring.a *= 255.0 / 254.0;
  v_haloColor.a *= 255.0 / 254.0;
}
`;

// v_shape: square?, hollow?, wanted, held. v_extra: halo, fade.
const nodeFragmentShader = /* glsl */ `
precision highp float;
varying vec2 v_point;
varying float v_pixel;
varying vec4 v_shape;
varying vec2 v_extra;
varying vec4 v_fill;
varying vec4 v_ring;
varying vec4 v_haloColor;
const float turn = 6.28318530718;

// 1 at the rim of the node's shape, growing outwards.
float distanceOf(vec2 point) {
  if (v_shape.x < 0.5) return length(point);
  vec2 corner = abs(point) - 0.62;
  return length(max(corner, 0.0)) + min(max(corner.x, corner.y), 0.0) + 0.66;
}
float inside(float distance, float rim) {
  return 1.0 - smoothstep(rim - v_pixel, rim, distance);
}
float band(float distance, float from, float to) {
  return inside(distance, to) * (1.0 - inside(distance, from));
}
void main() {
  float distance = distanceOf(v_point);
  #ifdef PICKING_MODE
  gl_FragColor = distance > 1.1 ? vec4(0.0) : v_fill;
  #else
  // 0 at the top, clockwise.
  float angle = fract(atan(v_point.x, v_point.y) / turn + 1.0);
  vec4 sum = vec4(0.0);
  // A ring that is narrower than a pixel and a half says nothing: then the node is its fill alone.
  float hasRing = v_shape.z > 0.5 && v_pixel < 0.13 ? 1.0 : 0.0;
  float rim = mix(0.9, 0.72, hasRing);
  if (v_shape.y > 0.5) {
    float width = max(0.14, 1.4 * v_pixel);
    float dash = step(0.42, fract(angle * 9.0));
    sum += vec4(v_fill.rgb, 1.0) * inside(distance, 0.9) * 0.10;
    sum += vec4(v_fill.rgb, 1.0) * band(distance, 0.9 - width, 0.9) * dash * 0.9;
  } else {
    sum += vec4(v_fill.rgb, 1.0) * v_fill.a * inside(distance, rim);
  }
  if (hasRing > 0.5 && v_shape.y < 0.5) {
    float wanted = v_shape.z;
    float bright = step(angle, clamp(v_shape.w / wanted, 0.0, 1.0) - 0.0001);
    float gap = 0.0;
    if (wanted > 1.5 && wanted < ${maxSegments}.5) {
      float along = fract(angle * wanted);
      float half_gap = max(0.05 * wanted / 3.0, 0.9 * v_pixel * wanted / turn);
      gap = 1.0 - step(half_gap, along) * step(along, 1.0 - half_gap);
    }
    float strength = mix(0.28, 1.0, bright) * (1.0 - gap);
    sum += vec4(v_ring.rgb, 1.0) * v_ring.a * strength * band(distance, 0.84, 1.0);
  }
  if (v_extra.x > 0.5) {
    float dots = v_extra.x > 1.5 ? step(0.5, fract(angle * 14.0)) : 1.0;
    float width = max(0.14, 2.0 * v_pixel);
    sum += vec4(v_haloColor.rgb, 1.0) * band(distance, 1.14, 1.14 + width) * dots;
  }
  gl_FragColor = sum * v_extra.y;
  #endif
}
`;

export class MeshNodeProgram<N extends Attributes, E extends Attributes> extends NodeProgram<string, N, E> {
  override getDefinition() {
    return {
      VERTICES: 4,
      VERTEX_SHADER_SOURCE: nodeVertexShader,
      FRAGMENT_SHADER_SOURCE: nodeFragmentShader,
      METHOD: triangleStrip,
      UNIFORMS: ['u_matrix', 'u_sizeRatio', 'u_correctionRatio'],
      ATTRIBUTES: [
        floats('a_position', 2),
        floats('a_size', 1),
        floats('a_shape', 4),
        floats('a_extra', 2),
        colour('a_fill'),
        colour('a_ring'),
        colour('a_haloColor'),
        colour('a_id'),
      ],
      CONSTANT_ATTRIBUTES: [floats('a_corner', 2)],
      CONSTANT_DATA: [
        [-1, -1],
        [1, -1],
        [-1, 1],
        [1, 1],
      ],
    };
  }

  override processVisibleItem(nodeIndex: number, start: number, data: NodeDisplayData): void {
    // Sigma hands on whatever attributes and reducers gave, beyond its own type.
    const look = data as NodeDisplayData & NodeLook;
    const { array } = this;
    let at = start;
    array[at++] = look.x;
    array[at++] = look.y;
    array[at++] = look.size;
    array[at++] = look.isSquare ? 1 : 0;
    array[at++] = look.isHollow ? 1 : 0;
    array[at++] = look.wanted;
    array[at++] = look.held;
    array[at++] = halos[look.halo];
    array[at++] = look.fade;
    array[at++] = floatColor(look.color);
    array[at++] = floatColor(look.ringColor);
    array[at++] = floatColor(look.haloColor);
    array[at] = nodeIndex;
  }

  override setUniforms(params: RenderParams, { gl, uniformLocations }: ProgramInfo): void {
    gl.uniformMatrix3fv(uniformLocations['u_matrix'] ?? null, false, params.matrix);
    gl.uniform1f(uniformLocations['u_sizeRatio'] ?? null, params.sizeRatio);
    gl.uniform1f(uniformLocations['u_correctionRatio'] ?? null, params.correctionRatio);
  }
}

const linkVertexShader = /* glsl */ `
attribute vec2 a_corner;
attribute vec2 a_start;
attribute vec2 a_end;
attribute float a_size;
attribute vec2 a_look;
attribute vec4 a_color;
attribute vec4 a_id;
uniform mat3 u_matrix;
uniform float u_sizeRatio;
uniform float u_correctionRatio;
varying float v_across;
varying float v_along;
varying float v_length;
varying float v_width;
varying vec2 v_look;
varying vec4 v_color;
void main() {
  vec2 way = a_end - a_start;
  float span = max(length(way), 0.000001);
  vec2 normal = vec2(-way.y, way.x) / span;
  float width = max(a_size / sqrt(u_sizeRatio), 1.0);
  // A pixel more on each side, for the soft rim.
  float side = a_corner.y * (width * 0.5 + 1.0);
  vec2 place = mix(a_start, a_end, a_corner.x) + normal * side * 2.0 * u_correctionRatio;
  gl_Position = vec4((u_matrix * vec3(place, 1.0)).xy, 0.0, 1.0);
  v_across = side;
  v_length = span / (2.0 * u_correctionRatio);
  v_along = a_corner.x * v_length;
  v_width = width;
  v_look = a_look;
  #ifdef PICKING_MODE
  v_color = a_id;
  #else
  v_color = a_color;
  #endif
  v_color.a *= 255.0 / 254.0;
}
`;

// v_look: line, fade.
const linkFragmentShader = /* glsl */ `
precision highp float;
varying float v_across;
varying float v_along;
varying float v_length;
varying float v_width;
varying vec2 v_look;
varying vec4 v_color;
void main() {
  float cover = 1.0 - smoothstep(v_width * 0.5 - 0.5, v_width * 0.5 + 0.5, abs(v_across));
  if (v_look.x > 1.5) cover *= step(fract(v_along / 9.0), 0.55);
  else if (v_look.x > 0.5) cover *= v_along < v_length * 0.5 ? 1.0 : 0.55 * step(fract(v_along / 7.0), 0.28);
  #ifdef PICKING_MODE
  gl_FragColor = v_color;
  #else
  gl_FragColor = vec4(v_color.rgb, 1.0) * (v_color.a * cover * v_look.y);
  #endif
}
`;

export class MeshLinkProgram<N extends Attributes, E extends Attributes> extends EdgeProgram<string, N, E> {
  override getDefinition() {
    return {
      VERTICES: 4,
      VERTEX_SHADER_SOURCE: linkVertexShader,
      FRAGMENT_SHADER_SOURCE: linkFragmentShader,
      METHOD: triangleStrip,
      UNIFORMS: ['u_matrix', 'u_sizeRatio', 'u_correctionRatio'],
      ATTRIBUTES: [
        floats('a_start', 2),
        floats('a_end', 2),
        floats('a_size', 1),
        floats('a_look', 2),
        colour('a_color'),
        colour('a_id'),
      ],
      CONSTANT_ATTRIBUTES: [floats('a_corner', 2)],
      CONSTANT_DATA: [
        [0, -1],
        [1, -1],
        [0, 1],
        [1, 1],
      ],
    };
  }

  override processVisibleItem(
    edgeIndex: number,
    start: number,
    source: NodeDisplayData,
    target: NodeDisplayData,
    data: EdgeDisplayData,
  ): void {
    // As with nodes: what attributes and reducers gave.
    const look = data as EdgeDisplayData & LinkLook;
    const { array } = this;
    let at = start;
    array[at++] = source.x;
    array[at++] = source.y;
    array[at++] = target.x;
    array[at++] = target.y;
    array[at++] = look.size;
    array[at++] = lines[look.line];
    array[at++] = look.fade;
    array[at++] = floatColor(look.color);
    array[at] = edgeIndex;
  }

  override setUniforms(params: RenderParams, { gl, uniformLocations }: ProgramInfo): void {
    gl.uniformMatrix3fv(uniformLocations['u_matrix'] ?? null, false, params.matrix);
    gl.uniform1f(uniformLocations['u_sizeRatio'] ?? null, params.sizeRatio);
    gl.uniform1f(uniformLocations['u_correctionRatio'] ?? null, params.correctionRatio);
  }
}
