"""Parts that are published on their own: previews, encoders, embeddings, upscalers, adapters."""

from __future__ import annotations

from tests.layouts.rows import Shapes, rows


def rrdb(blocks: int = 23) -> Shapes:
    """ESRGAN as BasicSR writes it."""
    b = f"body.{{0-{blocks - 1}}}.rdb{{1-3}}"
    return rows(f"""
        conv_first: 64 3 3 3
        {b}.conv1: 32 64 3 3
        {b}.conv2: 32 96 3 3
        {b}.conv3: 32 128 3 3
        {b}.conv4: 32 160 3 3
        {b}.conv5: 64 192 3 3
        conv_body: 64 64 3 3
        conv_up1: 64 64 3 3
        conv_up2: 64 64 3 3
        conv_hr: 64 64 3 3
        conv_last: 3 64 3 3
    """)


def rrdb_old() -> Shapes:
    """ESRGAN as it was first published."""
    b = "model.1.sub.{0-22}.RDB{1-3}"
    return rows(f"""
        model.0: 64 3 3 3
        {b}.conv1.0: 32 64 3 3
        {b}.conv2.0: 32 96 3 3
        {b}.conv3.0: 32 128 3 3
        {b}.conv4.0: 32 160 3 3
        {b}.conv5.0: 64 192 3 3
        model.1.sub.23: 64 64 3 3
        model.3: 64 64 3 3
        model.6: 64 64 3 3
        model.8: 64 64 3 3
        model.10: 3 64 3 3
    """)


def compact() -> Shapes:
    """Real-ESRGAN's small network: convolutions and PReLUs in turn."""
    found = rows("body.0: 64 3 3 3\nbody.66: 48 64 3 3")
    for number in range(1, 66, 2):
        found[f"body.{number}.weight"] = (64,)
    for number in range(2, 66, 2):
        found |= rows(f"body.{number}: 64 64 3 3")
    return found


def swinir() -> Shapes:
    b = "layers.{0-5}.residual_group.blocks.{0-5}"
    return rows(f"""
        conv_first: 180 3 3 3
        patch_embed.norm: 180
        {b}.norm1: 180
        {b}.attn.relative_position_bias_table= 225 6
        {b}.attn.relative_position_index= 64 64
        {b}.attn.qkv: 540 180
        {b}.attn.proj: 180 180
        {b}.norm2: 180
        {b}.mlp.fc1: 360 180
        {b}.mlp.fc2: 180 360
        layers.{{0-5}}.conv: 180 180 3 3
        norm: 180
        conv_after_body: 180 180 3 3
        conv_before_upsample.0: 64 180 3 3
        upsample.0: 256 64 3 3
        upsample.2: 256 64 3 3
        conv_last: 3 64 3 3
    """)


def dat() -> Shapes:
    b = "layers.{0-5}.blocks.{0-5}"
    return rows(f"""
        conv_first: 180 3 3 3
        before_RG.1: 180
        {b}.norm1: 180
        {b}.attn.qkv: 540 180
        {b}.attn.proj: 180 180
        {b}.attn.dwconv.0: 180 1 3 3
        {b}.attn.dwconv.1: 180
        {b}.attn.channel_interaction.1: 22 180 1 1
        {b}.attn.channel_interaction.4: 180 22 1 1
        {b}.attn.spatial_interaction.0: 11 180 1 1
        {b}.attn.spatial_interaction.3: 1 11 1 1
        {b}.ffn.fc1: 720 180
        {b}.ffn.sg.norm: 360
        {b}.ffn.sg.conv: 360 1 3 3
        {b}.ffn.fc2: 180 360
        {b}.norm2: 180
        layers.{{0-5}}.conv: 180 180 3 3
        norm: 180
        conv_after_body: 180 180 3 3
        conv_before_upsample.0: 64 180 3 3
        upsample.0: 256 64 3 3
        upsample.2: 256 64 3 3
        conv_last: 3 64 3 3
    """)


def motion_module() -> Shapes:
    """AnimateDiff's second, as its makers name it."""
    found: Shapes = {}
    places = [("down_blocks", n, w, (0, 1)) for n, w in enumerate((320, 640, 1280, 1280))]
    places += [("up_blocks", n, w, (0, 1, 2)) for n, w in enumerate((1280, 1280, 640, 320))]
    for side, number, w, modules in places:
        for module in modules:
            m = f"{side}.{number}.motion_modules.{module}.temporal_transformer"
            a = f"{m}.transformer_blocks.0.attention_blocks.{{0-1}}"
            found |= rows(f"""
                {m}.norm: {w}
                {m}.proj_in: {w} {w}
                {m}.proj_out: {w} {w}
                {a}.to_q! {w} {w}
                {a}.to_k! {w} {w}
                {a}.to_v! {w} {w}
                {a}.to_out.0: {w} {w}
                {a}.pos_encoder.pe= 1 32 {w}
                {m}.transformer_blocks.0.norms.{{0-1}}: {w}
                {m}.transformer_blocks.0.ff_norm: {w}
                {m}.transformer_blocks.0.ff.net.0.proj: {8 * w} {w}
                {m}.transformer_blocks.0.ff.net.2: {w} {4 * w}
            """)
    return found


def wan_vae() -> Shapes:
    """The ends and the middle of Wan 2.1's, as its makers name it."""
    found = rows("""
        conv1: 32 32 1 1 1
        conv2: 16 16 1 1 1
        encoder.conv1: 96 3 3 3 3
        decoder.conv1: 384 16 3 3 3
        encoder.head.0.gamma= 384 1 1 1
        encoder.head.2: 32 384 3 3 3
        decoder.head.0.gamma= 96 1 1 1
        decoder.head.2: 3 96 3 3 3
    """)
    for side, kind, count, w in (("encoder", "downsamples", 10, 96), ("decoder", "upsamples", 14, 384)):
        m = f"{side}.middle"
        found |= rows(f"""
            {m}.{{0-0}}.residual.0.gamma= 384 1 1 1
            {m}.0.residual.2: 384 384 3 3 3
            {m}.0.residual.3.gamma= 384 1 1 1
            {m}.0.residual.6: 384 384 3 3 3
            {m}.1.norm.gamma= 384 1 1
            {m}.1.to_qkv: 1152 384 1 1
            {m}.1.proj: 384 384 1 1
            {m}.2.residual.0.gamma= 384 1 1 1
            {m}.2.residual.2: 384 384 3 3 3
            {side}.{kind}.{{0-{count}}}.residual.0.gamma= {w} 1 1 1
            {side}.{kind}.{{0-{count}}}.residual.2: {w} {w} 3 3 3
            {side}.{kind}.{{0-{count}}}.residual.6: {w} {w} 3 3 3
        """)
    return found


def ip_adapter(width: int, first: int) -> Shapes:
    found = rows(f"image_proj.proj: {4 * width} 1024\nimage_proj.norm: {width}")
    for number in range(1, 32, 2):
        found |= rows(
            f"ip_adapter.{number}.to_k_ip! {first} {width}\nip_adapter.{number}.to_v_ip! {first} {width}"
        )
    return found


def xlabs_controlnet() -> Shapes:
    from tests.layouts.originals import flux

    double = {
        name: shape
        for name, shape in flux().items()
        if name.startswith(("double_blocks.0.", "double_blocks.1."))
    }
    ends = {
        name: shape
        for name, shape in flux().items()
        if name.startswith(("img_in", "txt_in", "time_in", "vector_in", "guidance_in"))
    }
    return (
        double
        | ends
        | rows("""
        controlnet_blocks.{0-1}: 3072 3072
        pos_embed_input: 3072 64
        input_hint_block.0: 16 3 3 3
        input_hint_block.2: 16 16 3 3
        input_hint_block.14: 16 16 3 3
    """)
    )
